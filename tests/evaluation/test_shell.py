"""What pages are made of escapes text and fetches nothing."""

from __future__ import annotations

from medsiam.evaluation.shell import bullet_list, figure_grid, self_contained


def test_a_page_has_its_rule_twice_and_forbids_everything_foreign():
    page = self_contained("audit", "a <b>", "<p>body</p>")
    assert "<title>medsiam audit: a &lt;b&gt;</title>" in page
    assert page.count("Research use only") == 2
    assert "default-src 'none'" in page
    assert "<main>\n<p>body</p></main>" in page


def test_lists_and_figures():
    assert bullet_list([]) == ""
    assert bullet_list(["a < b"]) == "<ul class='notes'><li>a &lt; b</li></ul>\n"
    assert "<figcaption>a &amp; b</figcaption>" in figure_grid([("T", "<svg></svg>", "a & b")])
