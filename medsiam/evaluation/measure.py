"""Few-shot accuracy, retrieval and pair AUC over embeddings, in one call."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.errors import NothingToDoError, UsageError
from medsiam.evaluation.few_shot import measure_few_shot
from medsiam.evaluation.protocol import EpisodeProtocol
from medsiam.evaluation.result import ConditionCount, Evaluation, FewShot
from medsiam.evaluation.retrieval import MAX_PAIRS, measure_retrieval

_FEW_SUBJECTS = 10  # below this, an interval over subjects is little more than a guess


def evaluate(
    embeddings: ArrayLike,
    *,
    conditions: Sequence[str],
    subjects: Sequence[str],
    protocol: EpisodeProtocol | None = None,
    n_scans: Sequence[int] | None = None,
    notices: Sequence[str] = (),
) -> Evaluation:
    """Measure how well distances between embeddings tell conditions apart.

    Args:
        embeddings: (n, d), one per case.
        conditions: (n,) diagnoses.
        subjects: (n,) patient, else group: cases of one subject are never compared.
        protocol: settings; None: `EpisodeProtocol()`.
        n_scans: (n,) scans in each case; None: one each.
        notices: of what was done before, carried into the result.

    Raises:
        UsageError: lengths that differ, an unknown condition, or fewer than two conditions.
        NothingToDoError: too few subjects for any of the protocol's shots.
    """
    protocol = protocol or EpisodeProtocol()
    x, names, owners = np.asarray(embeddings), np.asarray(conditions, str), np.asarray(subjects)
    scans = np.ones(len(names), dtype=np.intp) if n_scans is None else np.asarray(n_scans)
    if x.ndim != 2 or not len(x) == len(names) == len(owners) == len(scans):
        raise UsageError(
            f"embeddings of shape {x.shape}, {len(names)} conditions, {len(owners)} subjects and "
            f"{len(scans)} numbers of scans do not belong together: (n, d) and n each are needed"
        )
    chosen = _chosen(names, protocol)
    x, names, owners, scans = x[chosen], names[chosen], owners[chosen], scans[chosen]
    counts = _counts(names, owners, scans)
    few_shot, remarks = _all_shots(x, names, owners, protocol)
    retrieval, pair_auc = measure_retrieval(
        x,
        conditions=names.tolist(),
        subjects=owners.tolist(),
        metric=protocol.metric,
        random_state=protocol.random_state,
    )
    remarks = [*notices, *remarks, *_limits(counts)]
    return Evaluation(protocol, few_shot, retrieval, pair_auc, counts, tuple(remarks))


def _chosen(names: NDArray[np.str_], protocol: EpisodeProtocol) -> NDArray[np.bool_]:
    known = np.unique(names).tolist()
    wanted = known if protocol.conditions is None else list(protocol.conditions)
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise UsageError(f"no case has the condition {name!r}; {hint}")
    if len(wanted) < 2:
        only = f" ({wanted[0]})" if wanted else ""
        raise UsageError(
            f"an evaluation needs cases of at least two conditions, got {len(wanted)}{only}"
        )
    return np.isin(names, wanted)


def _counts(
    names: NDArray[np.str_], owners: NDArray[np.generic], scans: NDArray[np.intp]
) -> tuple[ConditionCount, ...]:
    return tuple(
        ConditionCount(
            condition=str(name),
            n_scans=int(scans[names == name].sum()),
            n_cases=int((names == name).sum()),
            n_subjects=len(np.unique(owners[names == name])),
        )
        for name in np.unique(names)
    )


def _all_shots(
    x: NDArray[np.floating],
    names: NDArray[np.str_],
    owners: NDArray[np.generic],
    protocol: EpisodeProtocol,
) -> tuple[tuple[FewShot, ...], list[str]]:
    """Every number of shots that can be drawn, and what was left out."""
    few_shot, remarks = [], []
    for n_shot in protocol.n_shots:
        try:
            shot = measure_few_shot(
                x, conditions=names, subjects=owners, n_shot=n_shot, protocol=protocol
            )
        except NothingToDoError as error:
            remarks.append(f"{n_shot}-shot was not measured: {error}")
            continue
        few_shot.append(shot)
        if shot.left_out:
            listed = ", ".join(f"{name} ({n})" for name, n in shot.left_out.items())
            remarks.append(
                f"{n_shot}-shot is without the conditions that have fewer than {n_shot + 1} "
                f"subjects: {listed}"
            )
    if not few_shot:
        raise NothingToDoError("; ".join(remarks))
    return tuple(few_shot), remarks


def _limits(counts: Sequence[ConditionCount]) -> list[str]:
    remarks = []
    alone = [entry.condition for entry in counts if entry.n_subjects < 2]
    few = [
        f"{entry.condition} ({entry.n_subjects})"
        for entry in counts
        if 2 <= entry.n_subjects < _FEW_SUBJECTS
    ]
    n = sum(entry.n_cases for entry in counts)
    if alone:
        remarks.append(
            "only one subject, so no query in retrieval, though a possible wrong answer: "
            + ", ".join(alone)
        )
    if few:
        remarks.append(
            f"fewer than {_FEW_SUBJECTS} subjects, so the intervals are rather too narrow: "
            + ", ".join(few)
        )
    if n * (n - 1) // 2 > MAX_PAIRS:
        remarks.append(f"pair AUC is over about {MAX_PAIRS} randomly chosen pairs")
    return remarks
