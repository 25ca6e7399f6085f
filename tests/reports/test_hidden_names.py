from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from medsiam.comparison import compare_embedding
from medsiam.reports import nameless, study_name
from tests.comparison.stub_bank import make_scan, ring_bank


def make_comparison(*sources: str, warnings=()):
    bank = ring_bank()
    scan = make_scan(sources=tuple(map(Path, sources)), warnings=warnings)
    return compare_embedding(bank.embeddings[0], scan, bank)


def test_nothing_of_the_path_is_left():
    comparison = make_comparison(
        "/in/DOE^JANE 1970/MR brain.of.jane/DOE.nii.gz",
        warnings=(
            "slice 3 (DOE.nii.gz) is missing below DOE^JANE 1970; the spacing is odd",
            "in MR brain.of.jane: 2 of 3 shown",
        ),
    )
    hidden = nameless(comparison)
    assert hidden.query.sources == ()
    assert hidden.query.name == f"study {comparison.query.content_hashes[0][:12]}"
    assert hidden.query.warnings == (
        "slice 3 ([file]) is missing below [file]; the spacing is odd",
        "in [file]: 2 of 3 shown",
    )
    assert "DOE" not in repr(hidden)
    assert replace(hidden, query=comparison.query) == comparison, "the answer is the same"


def test_a_short_name_is_not_taken_out_of_other_words():
    hidden = nameless(make_comparison("/a/b.png", "/scan/12", warnings=("a scan of 12 slices",)))
    assert hidden.query.warnings == ("a [file] of 12 slices",)


def test_a_study_is_named_by_the_content_of_each_scan():
    assert study_name(["ab" * 32, "cd" * 32]) == "abababababab-cdcdcdcdcdcd"
