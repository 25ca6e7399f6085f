"""Copies are found, whatever their names; what merely looks alike is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from medsiam.cases import CaseRow, read_case_table
from medsiam.errors import SplitError
from medsiam.preprocessing import Recipe, prepare
from medsiam.scans import read_scan
from medsiam.training.near_duplicates import (
    LEAST_LIKENESS,
    find_near_duplicates,
    refuse_near_duplicates,
)


def row(number: int, patient: str, condition: str = "a") -> CaseRow:
    name = f"scan{number}.png"
    return CaseRow(number, Path(name), name, condition, f"case{number}", patient_id=patient)


def look(tensors, patients, parts, hashes=None, conditions=None):
    conditions = conditions or ["a"] * len(patients)
    rows = [
        row(i + 2, patient, condition)
        for i, (patient, condition) in enumerate(zip(patients, conditions, strict=True))
    ]
    hashes = hashes or [f"hash{i}" for i in range(len(rows))]
    return find_near_duplicates(rows, tensors, content_hashes=hashes, parts=parts)


def pictures(n: int, *size: int, seed: int = 0) -> torch.Tensor:
    """Blobs: smooth, as scans are."""
    noise = torch.rand(n, 1, *(side // 4 for side in size), generator=generator(seed))
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return torch.nn.functional.interpolate(noise, size=size, mode=mode)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [(48, 48), (24, 20, 12)])
def test_a_copy_with_noise_or_other_light_is_found(size):
    scans = pictures(4, *size)
    noisy = scans[1] + 0.03 * torch.randn(scans[1].shape, generator=generator(1))
    brighter = 0.5 * scans[2] + 0.4
    pairs = look(
        [*scans, noisy, brighter],
        ["p0", "p1", "p2", "p3", "p4", "p5"],
        ["training"] * 4 + ["validation"] * 2,
    )
    assert [(pair.first.row, pair.second.row) for pair in pairs] == [(3, 6), (4, 7)]
    assert all(pair.likeness > LEAST_LIKENESS and pair.across_parts for pair in pairs)


def test_likeness_is_the_correlation_of_block_means():
    scan = pictures(1, 32, 32)[0]
    other = scan + 0.01 * torch.randn(scan.shape, generator=generator(2))
    (pair,) = look([scan, other], ["p", "q"], ["training", "training"])
    blocks = [x.numpy().reshape(16, 2, 16, 2).mean(axis=(1, 3)).ravel() for x in (scan, other)]
    assert pair.likeness == pytest.approx(np.corrcoef(*blocks)[0, 1], abs=1e-6)


def test_scans_of_one_subject_may_be_alike():
    scan = pictures(1, 32, 32)[0]
    assert look([scan, scan], ["p", "p"], ["training", "validation"], hashes=["h", "h"]) == ()


def test_equal_content_counts_even_where_thumbnails_differ():
    a, b = pictures(2, 32, 32)
    (pair,) = look([a, b], ["p", "q"], ["training", "validation"], hashes=["h", "h"])
    assert pair.likeness == 1.0


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
def test_blank_scans_are_like_nothing(value):
    blank = torch.full((1, 30, 30), value)
    assert look([blank, blank], ["p", "q"], ["training", "validation"], hashes=["h", "h"]) == ()


def test_pairs_are_found_across_blocks(monkeypatch):
    monkeypatch.setattr("medsiam.training.near_duplicates._ROWS_AT_A_TIME", 3)
    scans = pictures(7, 32, 32)
    pairs = look([*scans, scans[0], scans[5]], [f"p{i}" for i in range(9)], ["training"] * 9)
    assert [(pair.first.row, pair.second.row) for pair in pairs] == [(2, 9), (7, 10)]


def test_across_parts_is_refused_and_names_the_pair_but_no_patient():
    scan = pictures(1, 32, 32)[0]
    rows = [row(2, "secret-1", "flu"), row(7, "secret-2", "cold")]
    arguments = {"content_hashes": ["h", "h"], "parts": ["training", "validation"]}
    with pytest.raises(SplitError) as refusal:
        refuse_near_duplicates(find_near_duplicates(rows, [scan, scan], **arguments))
    text = str(refusal.value)
    assert "line 2 (scan2.png) in training and line 7 (scan7.png) in validation" in text
    assert "called flu and cold" in text
    assert "same patient_id" in text
    assert "secret" not in text


def test_inside_one_part_it_is_a_notice():
    scan = pictures(1, 32, 32)[0]
    rows = [row(2, "secret-1"), row(7, "secret-2")]
    arguments = {"content_hashes": ["h", "h"], "parts": ["training", "training"]}
    (notice,) = refuse_near_duplicates(find_near_duplicates(rows, [scan, scan], **arguments))
    assert "line 2 (scan2.png)" in notice
    assert "secret" not in notice
    unlike = pictures(2, 32, 32)
    pairs = find_near_duplicates(rows, unlike, **arguments | {"content_hashes": ["a", "b"]})
    assert refuse_near_duplicates(pairs) == ()


def test_many_pairs_are_counted_not_listed():
    scan = pictures(1, 32, 32)[0]
    rows = [row(i + 2, f"p{i}") for i in range(5)]
    pairs = find_near_duplicates(
        rows,
        [scan] * 5,
        content_hashes=["h"] * 5,
        parts=[*["training"] * 3, *["validation"] * 2],
    )
    with pytest.raises(SplitError, match="and 1 more"):
        refuse_near_duplicates(pairs)


def real(folder: Path, recipe: Recipe, keep):
    rows = [r for r in read_case_table(folder / "labels.csv").rows if keep(r)]
    scans = [read_scan(r.path) for r in rows]
    return find_near_duplicates(
        rows,
        [prepare(scan, recipe) for scan in scans],
        content_hashes=[scan.content_hash for scan in scans],
        parts=["all"] * len(rows),
    )


def test_the_twice_released_heart_is_found_and_no_other(medsiam_data):
    recipe = Recipe(spatial_dims=3, spatial_size=(32, 32, 8))
    pairs = real(medsiam_data / "acdc_cardiac_mri", recipe, lambda r: r.condition == "NOR")
    named = {(pair.first.path.name, pair.second.path.name) for pair in pairs}
    assert named == {
        (f"patient074_{phase}.nii.gz", f"patient076_{phase}.nii.gz") for phase in ("ED", "ES")
    }


def test_of_ultrasound_only_the_copied_image_is_found(medsiam_data):
    recipe = Recipe(spatial_dims=2, spatial_size=(64, 64))
    pairs = real(
        medsiam_data / "lung_ultrasound", recipe, lambda r: r.condition == "bacterial_pneumonia"
    )
    named = [(pair.first.path.name, pair.second.path.name) for pair in pairs]
    assert named == [("lus104_0000.png", "lus110_0000.png")]
