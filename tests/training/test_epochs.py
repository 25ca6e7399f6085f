"""The rate of a phase, when it is over, and whom training is compared with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from medsiam.cases import CaseRow
from medsiam.training.checkpoints import Progress
from medsiam.training.epochs import Phase, _as_many, _in_turn, is_over
from medsiam.training.learner import rate_factor
from medsiam.training.settings import ScheduleSettings
from tests.training.shapes import prepared_shapes

SCHEDULE = ScheduleSettings(epochs=10, warmup_epochs=2)


def phase(name="training"):
    return Phase(name, None, SCHEDULE, learning_rate=0.5, steps_per_epoch=4)


def run(said):
    config = SimpleNamespace(early_stop=SimpleNamespace(patience=3))
    return SimpleNamespace(config=config, display=SimpleNamespace(say=said.append))


def test_steps_and_rate_are_those_of_the_schedule():
    assert phase().steps == 40
    assert phase().rate(9) == pytest.approx(0.5 * rate_factor(9, 4, SCHEDULE))


@pytest.mark.parametrize(
    ("name", "progress", "over"),
    [
        ("training", Progress("training", step=39), False),
        ("training", Progress("training", step=40), True),
        ("training", Progress("training", step=4, ended=True), True),  # an alarm
        ("training", Progress("training", step=20, history=[{"epoch": 5}], improved=3), False),
        ("training", Progress("training", step=20, history=[{"epoch": 5}], improved=2), True),
        ("pretraining", Progress("pretraining", step=20, history=[{"epoch": 5}]), False),
    ],
)
def test_a_phase_ends_with_its_steps_with_patience_or_with_an_alarm(name, progress, over):
    said = []
    assert is_over(run(said), phase(name), progress) == over
    assert bool(said) == (over and bool(progress.history))


def test_patience_is_not_asked_within_an_epoch():
    progress = Progress("training", step=21, losses=[0.1], history=[{"epoch": 5}], improved=1)
    assert not is_over(run([]), phase(), progress)


def test_training_is_compared_with_as_many_scans_as_validation():
    training, validation = prepared_shapes(patients=4), prepared_shapes(patients=2)
    n = len(validation.rows)
    chosen = _as_many({"training": training, "validation": validation})
    assert len(chosen.rows) == len(chosen.tensors) == n < len(training.rows)
    assert {row.condition for row in chosen.rows} == {row.condition for row in training.rows}
    assert _as_many({"training": validation, "validation": training}) is validation


def test_scans_to_compare_with_validation_are_of_all_conditions_and_subjects_first():
    rows = [
        CaseRow(i, Path(f"/{i}"), f"{i}", condition, f"{i}", patient_id=patient)
        for i, (condition, patient) in enumerate(
            [("a", "p1")] * 4 + [("b", "p2")] * 3 + [("b", "p3"), ("a", "p4")], start=2
        )
    ]
    first = _in_turn(rows)[:4]
    assert {(rows[i].condition, rows[i].patient_id) for i in first} == {
        ("a", "p1"), ("a", "p4"), ("b", "p2"), ("b", "p3"),
    }  # fmt: skip
    assert sorted(_in_turn(rows)) == list(range(9))
