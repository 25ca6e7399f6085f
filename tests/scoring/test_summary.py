from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from medsiam.scoring.run_state import read_state
from medsiam.scoring.summary import summary_page


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.links, self.bars = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attributes = dict(attrs)
        if "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "rect":
            self.bars.append(float(attributes["height"]))

    def handle_data(self, data):
        self.text.append(data)


def seen_of(html: str) -> Seen:
    seen = Seen()
    seen.feed(html)
    return seen


@pytest.fixture
def parts(finished):
    _, told = finished
    return [part for part, _ in told]


def with_verdict(part, verdict, distance, threshold=0.5):
    row = {**part.rows[0], "verdict": verdict, "verdict_distance": distance, "threshold": threshold}
    return replace(part, rows=(row,))


def test_counts_failures_and_skips_are_on_it(finished, parts):
    out, _ = finished
    seen = seen_of((out / "summary.html").read_text(encoding="utf-8"))
    text = " ".join(seen.text)
    assert "5 series: 2 scored, 2 skipped, 1 failed" in text
    assert "truncated_pixels" in text
    assert "a 2D scan; this bank compares 3D scans" in text
    assert "Skipped (2)" in text
    assert "Failed (1)" in text
    assert text.count("Not a medical device") == 2
    failed = next(part for part in parts if part.outcome == "failed")
    assert failed.series in text


def test_it_runs_and_fetches_nothing_and_names_no_file(finished, incoming):
    out, _ = finished
    html = (out / "summary.html").read_text(encoding="utf-8")
    assert "script" not in seen_of(html).tags
    assert "http" not in html.replace("http-equiv", "")
    assert str(incoming) not in html
    assert not any(path.name in html for path in incoming.rglob("IM*"))


def test_none_of_these_are_listed_the_farthest_first_with_their_pages(finished, parts):
    out, _ = finished
    scored = [part for part in parts if part.outcome == "scored"]
    far = [
        replace(with_verdict(scored[0], "none of these", 0.7), series="a" * 16),
        replace(with_verdict(scored[1], "none of these", 0.9), series="b" * 16),
        replace(with_verdict(scored[0], "nearest", 0.2), series="c" * 16),
    ]
    seen = seen_of(summary_page(read_state(out), far, 9, with_pages=True))
    assert seen.links == [f"reports/{letter * 16}.html" for letter in "ba"]
    assert "None of these (2)" in " ".join(seen.text)


def test_bars_stand_for_all_scored_series(finished, parts):
    out, _ = finished
    scored = next(part for part in parts if part.outcome == "scored")
    many = [with_verdict(scored, "nearest", n / 100) for n in range(40)]
    many += [with_verdict(scored, "none of these", 0.6 + n / 100) for n in range(10)]
    html = summary_page(read_state(out), many, 9)
    seen = seen_of(html)
    tallest = int(" ".join(seen.text).partition("the highest bar stands for ")[2].split(";")[0])
    assert max(seen.bars) == pytest.approx(200)
    assert sum(seen.bars) / 200 * tallest == pytest.approx(50, rel=0.01)
    assert "limit 0.500" in html


def test_long_lists_are_cut_and_say_so(finished, parts):
    out, _ = finished
    failed = next(part for part in parts if part.outcome == "failed")
    html = summary_page(read_state(out), [failed] * 700, 700)
    assert "200 more are in results.csv" in html


def test_nothing_scored_is_said(finished, parts):
    out, _ = finished
    skipped = [part for part in parts if part.outcome == "skipped"]
    html = summary_page(read_state(out), skipped, 2)
    assert "No series was compared" in html
    assert "There is none" in html


def test_what_came_from_files_is_escaped(finished, parts):
    out, _ = finished
    failed = next(part for part in parts if part.outcome == "failed")
    html = summary_page(read_state(out), [replace(failed, message="<script>x</script>")], 1)
    assert "<script>" not in html
