from __future__ import annotations

import re
from pathlib import Path

import pytest

from medsiam.scans import FAULTS, archive, gzipped, is_foreign, limits, picture_head, worker
from medsiam.scans.faults import WARNINGS, fault, warning

PACKAGE = Path(__file__).parents[2] / "medsiam" / "scans"


def test_every_code_in_the_sources_is_listed_and_every_listed_code_is_used():
    files = [p for p in PACKAGE.rglob("*.py") if p.name != "faults.py"]
    sources = "".join(p.read_text(encoding="utf-8") for p in files)
    quoted = set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"', sources))
    raised = set(re.findall(r'\bfault\(\s*"([a-z_]+)"', sources))
    said = set(re.findall(r'\bwarning\(\s*"([a-z_]+)"', sources))
    assert len(raised) > 15
    assert len(said) > 10
    assert raised <= set(FAULTS)
    assert said <= set(WARNINGS)
    assert {*FAULTS, *WARNINGS} <= quoted
    assert not set(FAULTS) & set(WARNINGS)


def test_a_fault_says_what_was_seen_where_and_what_to_do():
    error = fault("several_series", Path("ct/7"), "it holds 2 scans")
    assert error.code == "several_series"
    assert str(error) == ("ct/7: it holds 2 scans; name one of them; `medsiam info` lists them")


def test_a_warning_is_its_sentence_with_a_code():
    said = warning("resampled", "interpolated to 9 slices")
    assert said == "interpolated to 9 slices"
    assert said.code == "resampled"


def test_the_page_for_readers_has_these_lists_and_no_others():
    page = (PACKAGE.parents[1] / "docs" / "reading.md").read_text(encoding="utf-8")
    _, _, below = page.partition("\n## Faults\n")
    for codes, part in zip((FAULTS, WARNINGS), below.split("\n## Warnings\n"), strict=True):
        rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", part, re.MULTILINE)
        assert rows == [(code, it.matters, it.remedy) for code, it in codes.items()]


def test_the_page_for_readers_has_the_ceilings():
    page = (PACKAGE.parents[1] / "docs" / "reading.md").read_text(encoding="utf-8")
    for ceiling in (
        f"{limits.MAX_SIDE:,}",
        f"{limits.MAX_VOXELS // 10**6} million",
        f"{limits.MAX_PARTS:,}, and {limits.MAX_VOXELS_OF_ALL_PARTS // 10**6:,} million",
        f"{limits.MAX_INFLATED >> 20} MiB",
        f"{limits.MAX_FILE >> 30} GiB",
        f"{limits.MAX_RATIO} times its size",
        f"{archive.MAX_ENTRIES:,} entries, {archive.MAX_BYTES >> 30} GiB",
        f"{picture_head.MAX_PIXELS // 10**6} million",
        f"within sequences | {limits.MAX_NESTING} |",
        f"{gzipped.MOST_RATIO:,} times",
        f"{worker.WALL_SECONDS:.0f} s, and {worker.SECONDS_PER_FILE:.0f} s more",
        f"{worker.MEMORY_BYTES >> 30} GiB, or",
    ):
        assert f" {ceiling}" in page, ceiling


def test_a_code_that_is_not_listed_cannot_be_raised():
    with pytest.raises(KeyError):
        fault("invented", Path("x"), "something")


@pytest.mark.parametrize("code", [*FAULTS, *WARNINGS])
def test_each_code_has_a_reason_and_a_remedy(code):
    listed = FAULTS.get(code) or WARNINGS[code]
    assert len(listed.matters) > 10
    assert len(listed.remedy) > 10


def test_junk_is_foreign_and_a_damaged_scan_is_not():
    assert is_foreign("unknown_format")
    assert is_foreign("not_an_image")
    assert not is_foreign("truncated_pixels")
    assert not is_foreign("damaged_dicom")
