from __future__ import annotations

import shutil
import threading
from collections import Counter

import numpy as np
import pytest

from medsiam import Comparison, Failure, compare, read_scan, score_folder
from medsiam.errors import ScanError, UsageError
from medsiam.scans import index_folder
from medsiam.scoring import Limits, Skip, score_sources, unreadable
from tests.scans.written import write_nifti, write_stack


def test_one_outcome_per_series_and_a_damaged_one_costs_only_itself(phantom_bank, incoming):
    outcomes = list(score_folder(incoming, phantom_bank))
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {Comparison: 2, Skip: 2, Failure: 1}
    (failure,) = (outcome for outcome in outcomes if isinstance(outcome, Failure))
    assert failure.code == "truncated_pixels"
    skips = [outcome for outcome in outcomes if isinstance(outcome, Skip)]
    assert {skip.code for skip in skips} == {"other_dimension"}
    assert "a 2D scan; this bank compares 3D scans" in skips[0].reason


def test_a_series_gets_the_same_answer_as_alone(phantom_bank, incoming):
    for outcome in score_folder(incoming, phantom_bank, k=3, metric="euclidean", rule="vote"):
        if isinstance(outcome, Comparison):
            folder = {str(f.rpartition("/")[0]) for f in outcome.query.sources}
            alone = compare(
                read_scan(folder.pop()), phantom_bank, k=3, metric="euclidean", rule="vote"
            )
            assert alone.matches == outcome.matches
            assert alone.verdict == outcome.verdict


def test_the_order_is_that_of_the_index_and_scans_come_along(phantom_bank, incoming):
    sources = index_folder(incoming).sources
    pairs = list(score_sources(sources, phantom_bank))
    assert len(pairs) == len(sources)
    for source, (outcome, scan) in zip(sources, pairs, strict=True):
        if isinstance(outcome, Comparison):
            assert {str(f) for f in source.files} == set(outcome.query.sources)
            assert scan is not None
        else:
            assert outcome.files == source.files


def test_a_large_series_among_small_ones_waits_for_nobody_for_ever(phantom_bank, tmp_path):
    """In order, with room for two small ones and for no small one beside the large one."""
    rng = np.random.default_rng(1)
    for n in range(12):
        side = 40 if n % 3 == 1 else 8
        volume = rng.integers(0, 99, (side, side, side)).astype(np.int16)
        write_nifti(tmp_path / f"{n:02d}.nii", volume)
    sources = index_folder(tmp_path).sources
    limits = Limits(workers=4, waiting_bytes=4 * 2 * 3000)
    found = []

    def run():
        for outcome, _ in score_sources(sources, phantom_bank, limits=limits):
            found.append(outcome.query.sources[0])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(120)
    assert found == [str(source.path) for source in sources]


def test_a_wrong_setting_is_no_failure_of_every_series(phantom_bank, incoming):
    with pytest.raises(UsageError):
        list(score_folder(incoming, phantom_bank, metric="manhattan"))


def test_a_folder_that_is_not_there(phantom_bank, tmp_path):
    with pytest.raises(ScanError) as caught:
        list(score_folder(tmp_path / "none", phantom_bank))
    assert caught.value.code == "missing_file"


def test_a_file_that_vanishes_between_index_and_reading_is_a_failure(
    phantom_bank, incoming, tmp_path
):
    copy = shutil.copytree(incoming, tmp_path / "copy")
    sources = index_folder(copy).sources
    shutil.rmtree(copy)
    outcomes = [outcome for outcome, _ in score_sources(sources, phantom_bank)]
    assert Counter(type(outcome) for outcome in outcomes) == {Failure: 3, Skip: 2}


def test_a_scan_that_cannot_even_be_listed_is_a_failure_and_junk_is_not(phantom_bank, tmp_path):
    header = (348).to_bytes(4, "little") + b"\0" * 340 + b"n+1\0"  # a NIfTI of no size at all
    (tmp_path / "damaged.nii").write_bytes(header + b"\0" * 4)
    (tmp_path / "notes.txt").write_text("junk")
    index = index_folder(tmp_path)
    (failure,) = unreadable(index)
    assert failure.source.name == "damaged.nii"
    assert list(score_folder(tmp_path, phantom_bank)) == [failure]


def test_gaps_are_refused_unless_resampling_is_allowed_and_then_said(phantom_bank, tmp_path):
    files = write_stack(
        tmp_path / "gap", np.random.default_rng(1).integers(0, 99, (9, 12, 12), np.int16)
    )
    files[4].unlink()
    (refused,) = score_folder(tmp_path, phantom_bank)
    assert isinstance(refused, Failure)
    assert refused.code == "missing_slices"
    (scored,) = score_folder(tmp_path, phantom_bank, allow_resample=True)
    assert isinstance(scored, Comparison)
    (scan,) = (source.read(allow_resample=True) for source in index_folder(tmp_path).sources)
    (said,) = (text for text in scan.warnings if text.code == "resampled")
    assert said in scored.query.warnings
