from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from medsiam.bank import Case
from medsiam.scans import ScanSource
from medsiam.scans.faults import warning
from medsiam.scoring import suggest


def source(name="a", n=20, dims=3, **facts) -> ScanSource:
    files = tuple(Path(name, str(i)) for i in range(n))
    facts = {"modality": "MR", **facts}
    return ScanSource("dicom", Path(name), files, frames=n, spatial_dims=dims, **facts)


def case(modality, body_part=None) -> Case:
    return Case(
        case_id="c", condition="x", patient="p", proof="none", source=None, licence=None,
        modality=modality, body_part=body_part, spacing=None, phases=("",),
        content_hashes=("0",), added="2026-01-01",
    )  # fmt: skip


@pytest.fixture
def bank():
    recipe = SimpleNamespace(spatial_dims=3)
    return SimpleNamespace(
        cases=(case("MR", "HEART"),), phases=("",), encoder_card=SimpleNamespace(recipe=recipe)
    )


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"modality": "CT", "n": 300}, "MR as in this bank"),
        ({"body_part": "KNEE", "n": 300}, "MR as in this bank"),
        ({"is_localizer": True, "n": 300}, "no localizer"),
        ({"warnings": (warning("fewer_slices", "ends early"),), "n": 300}, "a whole series"),
        ({"n": 19}, "20 pictures, more than any other"),
    ],
)
def test_what_fits_better_is_suggested_wherever_it_stands(bank, worse, reason):
    better, other = source("good"), source("other", **worse)
    first, last = suggest([better, other], bank), suggest([other, better], bank)
    assert (first.place, last.place) == (0, 1)
    assert first.reason == last.reason == reason


def test_a_series_of_another_dimension_is_never_suggested(bank):
    assert suggest([source(dims=2, n=500)], bank) is None
    chosen = suggest([source(dims=2, n=500), source("b", n=2)], bank)
    assert (chosen.place, chosen.reason) == (1, "the only one that this bank can compare")


def test_of_equals_none_is_suggested(bank):
    assert suggest([source("a"), source("b")], bank) is None


def test_dimension_not_told_by_headers_is_allowed_and_several_phases_too(bank):
    assert suggest([source(dims=None)], bank).place == 0
    bank.phases = ("early", "late")
    assert suggest([source()], bank).place == 0
