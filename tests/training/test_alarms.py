"""Alarms ring when they should, and only then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from medsiam.cases import CaseRow, read_case_table
from medsiam.training.alarms import (
    EpochFigures,
    cramers_v,
    data_alarms,
    embedding_spread,
    epoch_alarms,
    flat_loss,
    source_alarm,
)
from medsiam.training.losses import contrastive_loss, triplet_loss
from medsiam.training.sampling import all_pairs, all_triplets
from medsiam.training.settings import LossSettings

HEALTHY = EpochFigures(
    loss=0.2, spread=0.6, validation_score=0.7, training_score=0.8, n_compared=500
)


def figures(**changes) -> EpochFigures:
    return EpochFigures(**{**vars(HEALTHY), **changes})


def codes(history, **arguments):
    return {alarm.code: alarm.level for alarm in epoch_alarms(history, **arguments)}


def row(number: int, condition: str, subject: str, source: str | None = None) -> CaseRow:
    name = f"{number}.png"
    return CaseRow(
        number, Path(name), name, condition, f"case{number}", patient_id=subject, source=source
    )


def test_a_healthy_run_rings_nothing():
    assert codes([HEALTHY] * 20, flat_loss=0.3) == {}


def test_what_is_not_measured_rings_nothing():
    bare = EpochFigures(loss=0.3, spread=0.6, validation_score=0.1)
    assert codes([bare] * 20) == {}


@pytest.mark.parametrize(("epochs", "level"), [(1, "warn"), (9, "warn"), (10, "stop")])
def test_collapse(epochs, level):
    history = [HEALTHY, *[figures(spread=0.001)] * epochs]
    assert codes(history) == {"collapsed": level}
    assert codes([*history, HEALTHY]) == {}


@pytest.mark.parametrize(("epochs", "level"), [(4, None), (5, "warn"), (10, "stop")])
def test_a_loss_stuck_at_the_margin(epochs, level):
    history = [figures(loss=0.5), *[figures(loss=0.3005)] * epochs]
    assert codes(history, flat_loss=0.3) == ({"stuck_at_margin": level} if level else {})
    assert codes([*history, figures(loss=0.28)], flat_loss=0.3) == {}
    (alarm,) = epoch_alarms([figures(loss=0.3)] * 6, flat_loss=0.3)
    assert "stood at 0.3 for 6 epochs" in alarm.sentence


@pytest.mark.parametrize(("epochs", "level"), [(1, "warn"), (5, "stop")])
def test_nothing_to_compare(epochs, level):
    history = [HEALTHY, *[figures(n_compared=0)] * epochs]
    assert codes(history) == {"nothing_compared": level}
    assert "no valid triplets" in epoch_alarms(history)[0].sentence


def test_drift_is_said_once_it_lasts():
    far = figures(training_score=0.95, validation_score=0.5)
    assert codes([far] * 4) == {}
    (alarm,) = epoch_alarms([far] * 5)
    assert (alarm.code, alarm.level) == ("drift", "warn")
    assert "0.95 of the training scans and 0.50" in alarm.sentence


def test_the_flat_loss_is_that_of_equal_embeddings():
    conditions = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    subjects = [f"s{i}" for i in range(12)]
    equal = torch.ones(12, 3) / 3**0.5
    pairs = all_pairs(conditions, subjects)
    contrastive = contrastive_loss(
        equal[pairs.first], equal[pairs.second], torch.from_numpy(pairs.dissimilar), margin=0.7
    )
    triplets = all_triplets(conditions, subjects)
    triplet = triplet_loss(
        equal[triplets.anchor], equal[triplets.positive], equal[triplets.negative], margin=0.7
    )
    for kind, loss in [("contrastive", contrastive), ("triplet", triplet)]:
        settings = LossSettings(kind=kind, margin=0.7)
        assert flat_loss(settings) == pytest.approx(loss.item(), rel=1e-5)
    assert flat_loss(LossSettings(kind="supcon")) is None


def test_spread_of_known_clouds():
    assert embedding_spread(np.ones((5, 3), np.float32)) == 0
    assert embedding_spread(np.zeros((5, 3), np.float32)) == 0
    opposite = np.array([[1, 0], [-1, 0]], np.float32)
    assert embedding_spread(opposite) == pytest.approx(1)
    assert embedding_spread(7 * opposite) == pytest.approx(1)
    # Mean (0.5, 0.5), each at distance sqrt(0.5) from it, length 1.
    assert embedding_spread(np.eye(2, dtype=np.float32)) == pytest.approx(0.5**0.5)


def test_a_condition_of_one_patient():
    rows = [row(1, "a", "secret-1"), row(2, "a", "secret-1"), row(3, "b", "p2"), row(4, "b", "p3")]
    (alarm,) = data_alarms(rows)
    assert (alarm.code, alarm.level) == ("one_patient", "stop")
    assert "has a:" in alarm.sentence
    assert "secret" not in alarm.sentence
    assert data_alarms([*rows, row(5, "a", "p4")]) == ()


def test_conditions_that_come_from_one_source_each():
    rows = [row(i, "ab"[i % 2], f"p{i}", "XY"[i % 2]) for i in range(20)]
    (alarm,) = data_alarms(rows)
    assert (alarm.code, alarm.level) == ("source_coincides", "warn")
    assert "1.00 over 20 patients" in alarm.sentence
    mixed = [row(i, "ab"[i % 2], f"p{i}", "XY"[i // 2 % 2]) for i in range(20)]
    assert data_alarms(mixed) == ()
    unknown = [row(i, "ab"[i % 2], f"p{i}", "X" if i else None) for i in range(20)]
    assert data_alarms(unknown) == ()


def test_cramers_v_of_known_tables():
    assert cramers_v(["a", "b"] * 50, ["x", "y"] * 50) == pytest.approx(1, abs=1e-6)
    assert cramers_v(["a", "b"] * 50, ["x"] * 100) is None
    random = np.random.default_rng(0)
    unrelated = [
        cramers_v(random.choice(list("abcd"), 40).tolist(), random.choice(list("xyz"), 40).tolist())
        for _ in range(50)
    ]
    assert np.mean(unrelated) < 0.12  # without the correction 0.27
    # By hand: chi^2 = 20 * (6 * 6 - 4 * 4)^2 / 10^4 = 0.8, so phi^2 = 0.04, less 1 / 19.
    assert cramers_v(["a"] * 10 + ["b"] * 10, ["x"] * 6 + ["y"] * 4 + ["x"] * 4 + ["y"] * 6) == 0


def by_source(n: int, *, told: float, sources: str = "XY", seed: int = 0):
    """Scans of two conditions and of these sources, and embeddings that tell the source so far."""
    random = np.random.default_rng(seed)
    rows = [row(i, "ab"[i % 2], f"secret-{i}", sources[i // 2 % len(sources)]) for i in range(n)]
    where = np.array([[told * (r.source == s) for s in sources] for r in rows])
    return np.hstack([where, random.normal(size=(n, 4))]), rows


def test_a_source_that_shows_within_a_condition():
    alarm = source_alarm(*by_source(60, told=8.0))
    assert (alarm.code, alarm.level) == ("source", "warn")
    assert "1.00 of the sources" in alarm.sentence
    assert "among scans of one condition" in alarm.sentence
    assert "chance 0.50, 60 patients" in alarm.sentence
    assert "secret" not in alarm.sentence


def test_the_figure_is_that_of_plain_loops():
    x, rows = by_source(60, told=3.0, sources="XYZ", seed=1)
    alarm = source_alarm(x, rows)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    hits: dict[tuple[str, str], list[bool]] = {}
    for i, asked in enumerate(rows):
        others = [j for j, r in enumerate(rows) if j != i and r.condition == asked.condition]
        nearest = max(others, key=lambda j: float(unit[i] @ unit[j]))
        hits.setdefault((asked.condition, asked.source), []).append(
            rows[nearest].source == asked.source
        )
    score = np.mean([np.mean(group) for group in hits.values()])
    assert f"{score:.2f} of the sources" in alarm.sentence
    assert "chance 0.33" in alarm.sentence


def test_no_source_alarm_without_cause():
    assert source_alarm(*by_source(60, told=0.0)) is None
    x, rows = by_source(60, told=8.0, sources="X")
    assert source_alarm(x, rows) is None
    x, rows = by_source(60, told=8.0)
    assert source_alarm(x, [row(r.row, r.condition, r.subject) for r in rows]) is None


def test_where_condition_and_source_are_one_the_sentence_says_so():
    x, rows = by_source(60, told=8.0)
    rows = [row(r.row, f"of {r.source}", r.subject, r.source) for r in rows]
    assert "though each condition has its own source" in source_alarm(x, rows).sentence


def test_one_subject_may_hold_many_scans_of_its_source():
    x, rows = by_source(40, told=0.0)
    owners = [f"{r.condition}{r.source}{i % 2}" for i, r in enumerate(rows)]
    x = x + 20 * np.array([[hash_of(o, k) for k in range(6)] for o in owners])  # a subject's look
    rows = [row(r.row, r.condition, o, r.source) for r, o in zip(rows, owners, strict=True)]
    assert source_alarm(x, rows) is None  # leave the subject out, and nothing tells the source


def hash_of(text: str, k: int) -> float:
    return float(np.random.default_rng([*text.encode(), k]).normal())


def test_the_chest_films_have_a_source_for_each_condition(medsiam_data):
    rows = read_case_table(medsiam_data / "cxr_rare_pneumonia" / "labels.csv").rows
    base = [r for r in rows if r.condition in {"covid19", "viral_paediatric", "pneumonia_nih"}]
    (alarm,) = data_alarms(base)
    assert alarm.code == "source_coincides"
    blood = read_case_table(medsiam_data / "chula_rbc_cells" / "labels.csv").rows
    assert data_alarms(blood) == ()
