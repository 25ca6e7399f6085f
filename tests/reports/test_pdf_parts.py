from __future__ import annotations

from medsiam.comparison import compare_embedding
from medsiam.reports import pdf_parts
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports.test_review_words import kept, make_comparison, make_reviews


def paragraphs(part) -> list:
    """Every paragraph in a part, however deep."""
    if hasattr(part, "getPlainText"):
        return [part]
    if isinstance(part, (list, tuple)):
        return [found for one in part for found in paragraphs(one)]
    return paragraphs(part._cellvalues) if hasattr(part, "_cellvalues") else []


def texts(part) -> list[str]:
    return [found.getPlainText(identify=True) for found in paragraphs(part)]


def test_many_conditions_and_matches_are_counted():
    bank = ring_bank(40, conditions=[f"kind {i}" for i in range(20)])
    comparison = compare_embedding(bank.embeddings[0], make_scan(), bank, k=30)
    said = texts(pdf_parts.conditions(comparison, 500))
    assert "12 more conditions, farther away, are in the other forms of this report." in said
    assert [text for text in said if text.startswith("kind")] == [
        entry.condition for entry in comparison.conditions[:8]
    ]
    left = len(comparison.matches) - 10
    said = texts(pdf_parts.matches(comparison, {}, 500))
    assert f"{left} more matches, farther away, are in the other forms of this report." in said


def test_the_newest_reviews_are_shown():
    comparison = make_comparison()
    assert pdf_parts.said(comparison, (), 500) == []
    last = make_reviews(comparison)[-1]
    many = [kept(number, vars_of(last)) for number in range(1, 10)]
    said = texts(pdf_parts.said(comparison, many, 500))
    assert "3 more earlier reviews are in the other forms of this report." in said
    assert sum(text == "none of these" for text in said) == 6
    assert any("Review 9 of this bank" in text for text in said)


def vars_of(review):
    from medsiam.bank import NewReview

    kept_only = {"number", "time", "previous", "digest"}
    return NewReview(**{k: v for k, v in vars(review).items() if k not in kept_only})


def test_hashes_stand_on_one_line():
    comparison = make_comparison()
    parts = pdf_parts.settings(comparison, 527)
    for part in parts:
        part.wrap(527, 1000)
    hashes = ("f" * 64, *comparison.query.content_hashes)
    shown = [one for one in paragraphs(parts) if one.getPlainText(identify=True) in hashes]
    assert len(shown) == 2
    assert all(one.height == one.style.leading for one in shown)
