"""Every figure of one set of embeddings, in one call."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.distances import span_coordinates
from medsiam.errors import NothingToDoError, UsageError
from medsiam.evaluation.classification import measure_folds, measure_official_split
from medsiam.evaluation.few_shot import measure_few_shot
from medsiam.evaluation.open_set import measure_open_set
from medsiam.evaluation.pairing import Cohort, form_cohort
from medsiam.evaluation.protocol import EpisodeProtocol
from medsiam.evaluation.ranking import MAX_PAIRS, rank
from medsiam.evaluation.result import Classification, ConditionCount, Evaluation, FewShot
from medsiam.evaluation.retrieval import measure_retrieval
from medsiam.evaluation.slices import measure_slices
from medsiam.evaluation.source_probe import measure_source_probe
from medsiam.evaluation.spread import Spread
from medsiam.evaluation.verification import measure_pair_auc, measure_verification

_FEW_SUBJECTS = 10  # below this, an interval over subjects is little more than a guess

Facts = Mapping[str, Sequence[str | None]]


def evaluate(
    embeddings: ArrayLike,
    *,
    conditions: Sequence[str],
    subjects: Sequence[str],
    protocol: EpisodeProtocol | None = None,
    n_scans: Sequence[int] | None = None,
    facts: Facts | None = None,
    notices: Sequence[str] = (),
) -> Evaluation:
    """Measure how well distances between embeddings tell conditions apart.

    Args:
        embeddings: (n, d), one per case.
        conditions: (n,) diagnoses.
        subjects: (n,) patient, else group: cases of one subject are never compared.
        protocol: settings; None: `EpisodeProtocol()`.
        n_scans: (n,) scans in each case; None: one each.
        facts: column -> (n,) what the case table says: split, source and what to slice by.
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
    known = {k: tuple(np.array(v, object)[chosen]) for k, v in (facts or {}).items()}
    cohort = form_cohort(names.tolist(), owners.tolist(), facts=known, protocol=protocol)
    counts = _counts(names, owners, scans)
    few_shot, spreads, remarks = _all_shots(x, cohort, protocol)
    seed = protocol.random_state
    found = rank(x, cohort, metric=protocol.metric, random_state=seed)
    retrieval, of_retrieval = measure_retrieval(found, random_state=seed)
    pair_auc, of_auc = measure_pair_auc(found)
    verification, of_pairs = measure_verification(found, random_state=seed)
    open_set = measure_open_set(found, random_state=seed)
    official = _official_split(x, cohort, known, protocol, remarks)
    folds = _folds(x, cohort, protocol, remarks)
    for prefix, more in (
        ("retrieval", of_retrieval),
        ("verification", of_pairs | {"auc": of_auc}),
        ("open_set", open_set[1] if open_set else {}),
        ("official_split", official[1] if official else {}),
        ("folds", folds[1] if folds else {}),
    ):
        spreads |= {f"{prefix}.{name}": spread for name, spread in more.items()}
    sources = known.get(protocol.source_column, [None] * len(x))
    return Evaluation(
        protocol=protocol,
        few_shot=few_shot,
        retrieval=retrieval,
        pair_auc=pair_auc,
        counts=counts,
        notices=(*notices, *remarks, *_limits(counts)),
        verification=verification,
        open_set=open_set[0] if open_set else None,
        official_split=official[0] if official else None,
        folds=folds[0] if folds else None,
        slices=measure_slices(found, known, protocol.slices),
        source_probe=measure_source_probe(
            x,
            sources=sources,
            subjects=owners.tolist(),
            column=protocol.source_column,
            metric=protocol.metric,
            random_state=seed,
        ),
        cases=cases_digest(names.tolist(), owners.tolist()),
        spreads=spreads,
    )


def cases_digest(*columns: Sequence[object]) -> str:
    """Digest of what is known of each case, the same for the same cases in the same order."""
    return hashlib.sha256(repr([list(column) for column in columns]).encode()).hexdigest()


def _official_split(
    x: NDArray[np.floating],
    cohort: Cohort,
    facts: Facts,
    protocol: EpisodeProtocol,
    remarks: list[str],
) -> tuple[Classification, dict[str, Spread]] | None:
    splits = [value or "" for value in facts.get("split", [None] * len(x))]
    bank = protocol.bank_split or "train"
    if protocol.sources != "any":
        if bank in splits or protocol.n_folds is not None:
            remarks.append(
                "official split and folds are not given: they cannot keep sources = "
                f"{protocol.sources!r}"
            )
        return None
    return measure_official_split(
        x,
        cohort,
        splits,
        metric=protocol.metric,
        bank=bank,
        query=protocol.query_split,
    )


def _folds(
    x: NDArray[np.floating], cohort: Cohort, protocol: EpisodeProtocol, remarks: list[str]
) -> tuple[Classification, dict[str, Spread]] | None:
    if protocol.n_folds is None or protocol.sources != "any":
        return None
    try:
        return measure_folds(
            x,
            cohort,
            n_folds=protocol.n_folds,
            metric=protocol.metric,
            random_state=protocol.random_state,
        )
    except NothingToDoError as error:
        remarks.append(str(error))
        return None


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
    x: NDArray[np.floating], cohort: Cohort, protocol: EpisodeProtocol
) -> tuple[tuple[FewShot, ...], dict[str, Spread], list[str]]:
    """Every number of shots that can be drawn, and what was left out."""
    few_shot, spreads, remarks = [], {}, []
    x = span_coordinates(x)  # the same distances in fewer dimensions, where cases are few
    for n_shot in protocol.n_shots:
        try:
            shot, spread = measure_few_shot(x, cohort, n_shot=n_shot, protocol=protocol)
        except NothingToDoError as error:
            remarks.append(f"{n_shot}-shot was not measured: {error}")
            continue
        few_shot.append(shot)
        spreads[f"few_shot.{n_shot}"] = spread
        if shot.left_out:
            listed = ", ".join(f"{name} ({n})" for name, n in shot.left_out.items())
            needed = n_shot + (0 if cohort.one_sided else 1)
            remarks.append(
                f"{n_shot}-shot is without the conditions that have fewer than {needed} "
                f"subjects: {listed}"
            )
    if not few_shot:
        raise NothingToDoError("; ".join(remarks))
    return tuple(few_shot), spreads, remarks


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
