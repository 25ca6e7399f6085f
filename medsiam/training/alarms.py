"""What goes wrong in training, in plain words and with advice; from plain arrays.

    data_alarms(rows)                         before training, on all rows that are used
    epoch_alarms(history, flat_loss=...)      after each epoch, the newest one last
    source_alarm(embeddings, rows)            once the weights are final, on the validation part
    flat_loss(settings)                       the loss where all embeddings are equal

Each `Alarm` has a `code` (say each code once), a `level` and a `sentence` for a person. "stop":
going on is a waste of time, or the result would be worthless. "warn": read it before you use the
encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medsiam.cases import CaseRow
from medsiam.metrics import cluster_bootstrap, leave_subject_out, mean_over_queries, precision_at_k
from medsiam.training.settings import LossSettings

# Share of the embeddings' length that is not common to all scans. The committed recipes start
# near 0.1 and end at 0.6 to 0.8; below this, rounding and noise decide who is near.
LEAST_SPREAD = 0.01

_LASTING = 5  # epochs until a state that may pass is called one that stays
_HOPELESS = 10  # epochs after which it has never been seen to end
_NEAR_FLAT = 0.01  # of the flat loss
_MOST_DRIFT = 0.3  # of P@1, training above validation
_MOST_ASSOCIATION = 0.5  # Cramer's V of condition and source
_MOST_OF_THE_WAY = 0.5  # of a source classifier's accuracy, from chance to certainty

COLLAPSED = (
    "all validation scans get nearly the same embedding (collapse), so distances mean nothing; "
    "try a lower optimiser.learning_rate, a smaller loss.margin or a larger "
    "sampling.scans_per_condition, and look whether the prepared scans differ at all"
)


@dataclass(frozen=True)
class Alarm:
    """One thing that a person should know.

    Attributes:
        code: stable word for its kind.
        level: see the top of this file.
        sentence: what happened and what to do; names conditions and sources, never patients.
    """

    code: str
    level: Literal["stop", "warn"]
    sentence: str


@dataclass(frozen=True)
class EpochFigures:
    """What `epoch_alarms` looks at.

    Attributes:
        loss: mean over the steps.
        spread: `embedding_spread` of the validation part.
        validation_score: P@1 of the validation part.
        training_score: P@1 of the training part, in the same way; None: not measured.
        n_compared: pairs or triplets that all steps together compared; None: the loss has none.
    """

    loss: float
    spread: float
    validation_score: float
    training_score: float | None = None
    n_compared: int | None = None


def embedding_spread(embeddings: NDArray[np.floating]) -> float:
    """Return how far embeddings differ, as a share of their length.

    Args:
        embeddings: (n, d).

    Returns:
        Root mean square distance from their mean, as a share of their root mean square length: 0
        where all are equal, near 1 where they point everywhere.
    """
    vectors = embeddings.astype(np.float64)
    length = np.sqrt(np.mean(np.sum(vectors**2, axis=1)))
    distance = np.sqrt(np.mean(np.sum((vectors - vectors.mean(axis=0)) ** 2, axis=1)))
    return float(distance / length) if length > 0 else 0.0


def flat_loss(settings: LossSettings) -> float | None:
    """Return what a loss with a margin is where all embeddings are equal; None for the others.

    The margin, for triplets; for pairs, whose two kinds weigh half each, half the margin squared.
    """
    if settings.kind == "triplet":
        return settings.margin
    return settings.margin**2 / 2 if settings.kind == "contrastive" else None


def epoch_alarms(
    history: Sequence[EpochFigures], *, flat_loss: float | None = None
) -> tuple[Alarm, ...]:
    """Return the alarms that hold after the newest epoch.

    Args:
        history: of all epochs up to now, at least one.
        flat_loss: see the function of that name.
    """
    found = (_collapse(history), _flat(history, flat_loss), _nothing(history), _drift(history))
    return tuple(alarm for alarm in found if alarm is not None)


def data_alarms(rows: Sequence[CaseRow]) -> tuple[Alarm, ...]:
    """Return what is wrong with a case table before anything is trained on it.

    Args:
        rows: all that training and validation use.
    """
    subjects = {
        condition: {row.subject for row in rows if row.condition == condition}
        for condition in sorted({row.condition for row in rows})
    }
    lonely = [condition for condition, owners in subjects.items() if len(owners) == 1]
    alarms = []
    if lonely:
        alarms.append(
            Alarm(
                "one_patient",
                "stop",
                f"only one patient (or group) has {', '.join(lonely)}: the network would learn "
                "that patient, and nothing could be measured; add patients, or leave it out of "
                "data.base_conditions",
            )
        )
    coincidence = _coincidence(rows)
    return (*alarms, coincidence) if coincidence else tuple(alarms)


def source_alarm(embeddings: NDArray[np.floating], rows: Sequence[CaseRow]) -> Alarm | None:
    """Warn where a scan's embedding tells its source (hospital, scanner, collection).

    The source classifier is the nearest scan of another subject. Where a condition comes from two
    sources, only scans of such conditions are asked, each among those of its own condition: then
    the condition cannot help. Else all are asked, and the sentence says that both go together.

    Args:
        embeddings: (n, d), of scans the weights were not fitted on.
        rows: n.

    Returns:
        None where the sources are not known or not told apart much better than by chance.
    """
    if not all(row.source for row in rows) or len({row.source for row in rows}) < 2:
        return None
    within = _conditions_of_two_sources(rows)
    kept = [i for i, row in enumerate(rows) if not within or row.condition in within]
    asked = [rows[i] for i in kept]
    hits, groups, chance = _source_hits(embeddings[kept], asked, within_condition=bool(within))
    if not np.isfinite(hits).any():
        return None
    subjects = [row.subject for row in asked]
    score = mean_over_queries(hits, groups).macro
    low, high = cluster_bootstrap(hits, subjects, labels=groups)
    if low <= chance or score < chance + _MOST_OF_THE_WAY * (1 - chance):
        return None
    among = "among scans of one condition" if within else "though each condition has its own source"
    return Alarm(
        "source",
        "warn",
        f"the embedding tells where a scan comes from: {score:.2f} of the sources are named "
        f"rightly {among} (balanced accuracy, 95 % interval {low:.2f} to {high:.2f}, chance "
        f"{chance:.2f}, {len(set(subjects))} patients or groups); a query may match a case of its "
        "own source rather than of its condition. Compare within one source, take sources that "
        "have all conditions, widen augmentation.gamma, brightness and noise, or set "
        'whitening.scatter = "scans"',
    )


def _collapse(history: Sequence[EpochFigures]) -> Alarm | None:
    epochs = _lasting([figures.spread < LEAST_SPREAD for figures in history])
    if not epochs:
        return None
    return Alarm("collapsed", "stop" if epochs >= _HOPELESS else "warn", COLLAPSED)


def _flat(history: Sequence[EpochFigures], flat: float | None) -> Alarm | None:
    if flat is None:
        return None
    epochs = _lasting([abs(figures.loss - flat) <= _NEAR_FLAT * flat for figures in history])
    if epochs < _LASTING:
        return None
    return Alarm(
        "stuck_at_margin",
        "stop" if epochs >= _HOPELESS else "warn",
        f"the loss has stood at {flat:.3g} for {epochs} epochs, which is its value where all "
        "embeddings are equal: nothing is learned; try a lower optimiser.learning_rate, "
        'loss.mining = "semi_hard" instead of "hard", encoder.standardize = true, or a start from '
        "weights (start.weights)",
    )


def _nothing(history: Sequence[EpochFigures]) -> Alarm | None:
    epochs = _lasting([figures.n_compared == 0 for figures in history])
    if not epochs:
        return None
    return Alarm(
        "nothing_compared",
        "stop" if epochs >= _LASTING else "warn",
        "no batch of this epoch held anything to compare: no valid triplets or pairs. Either "
        "mining leaves none, as the training scans are apart already (stop earlier, take a larger "
        'loss.margin or loss.mining = "all"), or the batches are too small (raise '
        "sampling.scans_per_condition, and see that each condition has two patients)",
    )


def _drift(history: Sequence[EpochFigures]) -> Alarm | None:
    epochs = _lasting(
        [
            figures.training_score is not None
            and figures.training_score - figures.validation_score > _MOST_DRIFT
            for figures in history
        ]
    )
    if epochs < _LASTING:
        return None
    newest = history[-1]
    return Alarm(
        "drift",
        "warn",
        f"training and validation drift apart: the nearest case is right for "
        f"{newest.training_score:.2f} of the training scans and {newest.validation_score:.2f} of "
        "the validation scans; the network learns these patients by heart: widen the "
        "augmentation, freeze stages (start.frozen_stages), train for less time, or add patients",
    )


def _lasting(holds: Sequence[bool]) -> int:
    """For how many epochs up to the newest one something has held without a break."""
    broken = [epoch for epoch, held in enumerate(holds) if not held]
    return len(holds) - 1 - broken[-1] if broken else len(holds)


def _coincidence(rows: Sequence[CaseRow]) -> Alarm | None:
    """Whether conditions and sources are nearly the same thing, by subject."""
    if not all(row.source for row in rows):
        return None
    subjects = sorted({(row.condition, row.source or "", row.subject) for row in rows})
    conditions, sources = ([entry[i] for entry in subjects] for i in (0, 1))
    association = cramers_v(conditions, sources)
    if association is None or association < _MOST_ASSOCIATION:
        return None
    return Alarm(
        "source_coincides",
        "warn",
        f"conditions and sources nearly coincide (Cramer's V {association:.2f} over "
        f"{len({subject for _, _, subject in subjects})} patients or groups and "
        f"{len(set(sources))} sources; 0: unrelated, 1: the same): the network may learn the "
        "source instead of the condition, and validation cannot tell; take conditions that come "
        "from the same sources, and read the source alarm of the finished encoder",
    )


def cramers_v(a: Sequence[str], b: Sequence[str]) -> float | None:
    """Return the association of two labels, corrected for bias; None where one does not vary.

    W. Bergsma, A bias-correction for Cramer's V and Tschuprow's T (2013): 0 is expected where the
    labels are unrelated, however small the table; 1 where they are the same.

    Args:
        a: n labels.
        b: n labels.
    """
    rows, columns = (np.unique(np.asarray(x), return_inverse=True)[1] for x in (a, b))
    counts = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(counts, (rows, columns), 1)
    n, (r, c) = len(a), counts.shape
    if min(r, c) < 2:
        return None
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / n
    phi_squared = float(((counts - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, phi_squared - (r - 1) * (c - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1))
    return float(np.sqrt(corrected / (smaller - 1))) if smaller > 1 else None


def _conditions_of_two_sources(rows: Sequence[CaseRow]) -> set[str]:
    """Conditions with two sources that have two subjects each."""
    subjects: dict[tuple[str, str | None], set[str]] = {}
    for row in rows:
        subjects.setdefault((row.condition, row.source), set()).add(row.subject)
    full = [condition for (condition, _), owners in subjects.items() if len(owners) >= 2]
    return {condition for condition in full if full.count(condition) >= 2}


def _source_hits(
    embeddings: NDArray[np.floating], rows: Sequence[CaseRow], *, within_condition: bool
) -> tuple[NDArray[np.float64], list[str], float]:
    """(n,) whether the nearest scan of another subject has the source; its group; and chance.

    Groups are sources, or the sources of each condition; chance is that of the mean over groups,
    where the embedding says nothing.
    """
    sources = np.array([row.source for row in rows])
    conditions = np.array([row.condition if within_condition else "" for row in rows])
    subjects = [row.subject for row in rows]
    hits = np.full(len(rows), np.nan)
    for queries, distances in leave_subject_out(embeddings, sources, subjects, metric="cosine"):
        distances[conditions[queries, None] != conditions] = np.inf
        hits[queries] = precision_at_k(distances, sources[queries, None] == sources, 1)
    groups = [
        f"{condition}\n{source}" for condition, source in zip(conditions, sources, strict=True)
    ]
    answered = {group for group, hit in zip(groups, hits, strict=True) if np.isfinite(hit)}
    n_sources = [len(set(sources[conditions == group.split("\n")[0]])) for group in answered]
    chance = float(np.mean([1 / n for n in n_sources])) if n_sources else 1.0
    return hits, groups, chance
