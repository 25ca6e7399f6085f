from __future__ import annotations

import dataclasses

import numpy as np

from medsiam.bank import Snapshot
from medsiam.bank.store import ScanFacts
from tests.bank.samples import FACTS, make_record, make_volume


def test_facts_of_a_scan_hold_nothing_that_names_patient_or_study(tmp_path):
    scan = make_volume(
        1,
        affine=np.diag([0.7, 0.7, 1.5, 1.0]),
        spacing=(0.7, 0.7, 1.5),
        modality="CT",
        body_part="CHEST",
        window=(40, 400),
        patient_id="SECRET",
        study_uid="1.2.3",
        series_uid="1.2.4",
        sources=(tmp_path / "SECRET.dcm",),
        warnings=("SECRET",),
    )
    kept = dataclasses.asdict(ScanFacts.of(scan))
    assert not any(word in str(kept) for word in ("SECRET", "1.2.3", "1.2.4"))
    assert kept["shape"] == (6, 5, 4)
    assert kept["affine"] == tuple(scan.affine.ravel())
    assert kept["window"] == (40.0, 400.0)


def test_the_salt_is_not_shown():
    assert FACTS.salt.hex() not in repr(FACTS)
    assert repr(FACTS.salt) not in repr(FACTS)


def test_a_snapshot_says_what_its_cases_are():
    cases = tuple(
        dataclasses.replace(make_record(case_id, condition=condition).case, modality=modality)
        for case_id, condition, modality in [("1", "b", "CT"), ("2", "a", None), ("3", "b", "MR")]
    )
    snapshot = Snapshot(3, cases, np.zeros((3, 4), np.float32))
    assert snapshot.conditions == ("a", "b")
    assert snapshot.modalities == {"CT", "MR"}
    assert snapshot.phases == ("",)
    empty = Snapshot(0, (), np.zeros((0, 4), np.float32))
    assert (empty.conditions, empty.phases, empty.modalities) == ((), ("",), frozenset())
