"""One query against one bank: the whole answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam._version import __version__
from medsiam.comparison.in_use import calibration_in_use
from medsiam.comparison.notes import limit_notes, patient_notes, ranking_notes, set_notes
from medsiam.comparison.query import query_facts, query_patient
from medsiam.comparison.ranking import rank, without_probabilities
from medsiam.comparison.result import Comparison, Rule
from medsiam.comparison.scope import check_scope
from medsiam.comparison.settings import Settings
from medsiam.comparison.verdict import give_verdict
from medsiam.comparison.who_counts import matches_of, who_counts
from medsiam.comparison.yardstick import Yardstick, yardstick
from medsiam.errors import BankError, EncoderError, EncoderMismatchError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank, Snapshot


_NOTHING_ALIKE = "the query is like nothing in this bank, so its condition may not be among these"


def compare(  # noqa: PLR0913 - what may be chosen, each by its name
    query: Scan | Sequence[Scan],
    bank: ReferenceBank,
    *,
    k: int = 5,
    metric: str | None = None,
    rule: Rule | None = None,
    level: float = 0.9,
    patient_id: str | None = None,
    version: int | None = None,
    calibration: int | None = None,
) -> Comparison:
    """Compare a scan with a reference bank.

    Args:
        query: one scan, or the scans of one case in the order of the bank's phases.
        bank: must hold at least one case of another patient.
        k: matches to list, and patients that vote; all of them where there are fewer.
        metric: "euclidean", "cosine", "mahalanobis" or, for an encoder with a twin head, "match".
            None: what the bank's calibration recommends, else cosine.
        rule: what ranks the conditions: "nearest" patient, "vote" of the k nearest patients,
            nearest "prototype" or, in a calibrated bank, the "combined" distance, which goes with
            the probability. None: what the calibration recommends, else nearest.
        level: how often the set of conditions is to hold the true one: 0.8, 0.9, 0.95 or 0.99.
        patient_id: the query's patient, where the scan does not say or says it wrongly. His own
            cases in the bank never count.
        version: of the bank, to compute an older answer again; None: the newest.
        calibration: number of the one to use, 0 for none; None: the newest that was fitted on this
            version or an earlier one.

    Raises:
        UsageError: for a wrong k, metric, rule or level, or scans of different patients.
        EncoderMismatchError: if the scans do not fit the bank (2D, 3D, number of phases).
        BankError: if the bank holds no case to compare with, no such version or calibration, or
            one that this medsiam cannot read.
    """
    settings = Settings(k, metric, rule, level, version, calibration)
    snapshot = bank.snapshot(version)
    scans = _fitting_scans(query, bank, snapshot)
    patient_id = query_patient(scans, patient_id)
    embedding = bank.encoder.embed(scans)
    return _answer(embedding, scans, bank, snapshot, settings=settings, patient_id=patient_id)


def compare_embedding(  # noqa: PLR0913 - see compare
    embedding: NDArray[np.floating],
    query_scans: Scan | Sequence[Scan],
    bank: ReferenceBank,
    *,
    k: int = 5,
    metric: str | None = None,
    rule: Rule | None = None,
    level: float = 0.9,
    patient_id: str | None = None,
    version: int | None = None,
    calibration: int | None = None,
) -> Comparison:
    """Like `compare`, where the bank's encoder has embedded the query already.

    Args:
        embedding: (d,); for a case of several scans (n_phases, d) or (n_phases * d,).
        query_scans: what was embedded.
        bank: see `compare`, as for all that follow.
        k: matches to list, and patients that vote.
        metric: None: as recommended.
        rule: what ranks the conditions; None: as recommended.
        level: of the set of conditions.
        patient_id: the query's patient.
        version: of the bank; None: the newest.
        calibration: number of the one to use; None: as for `compare`.

    Raises:
        UsageError, EncoderMismatchError, BankError: see `compare`.
    """
    settings = Settings(k, metric, rule, level, version, calibration)
    snapshot = bank.snapshot(version)
    scans = _fitting_scans(query_scans, bank, snapshot)
    patient_id = query_patient(scans, patient_id)
    return _answer(embedding, scans, bank, snapshot, settings=settings, patient_id=patient_id)


def _fitting_scans(
    query: Scan | Sequence[Scan], bank: ReferenceBank, snapshot: Snapshot
) -> tuple[Scan, ...]:
    """The query's scans, if the bank has something to compare and they are of its form."""
    scans = (query,) if isinstance(query, Scan) else tuple(query)
    if not snapshot.cases:
        raise BankError(
            f"bank {bank.name} holds no cases yet; add some with `medsiam bank add {bank.path}`"
        )
    phases = snapshot.phases
    if len(scans) != len(phases):
        named = f" ({', '.join(phases)})" if any(phases) else ""
        raise EncoderMismatchError(
            f"bank {bank.name} compares cases of {_counted(len(phases), 'scan')}{named}, but the "
            f"query has {len(scans)}; give one scan per phase in this order"
        )
    spatial_dims = bank.encoder_card.architecture.spatial_dims
    for scan in scans:
        if scan.spatial_dims != spatial_dims:
            raise EncoderMismatchError(
                f"the query is a {scan.spatial_dims}D scan, but bank {bank.name} compares "
                f"{spatial_dims}D scans; use a bank of a {scan.spatial_dims}D encoder"
            )
    return scans


def _answer(
    embedding: NDArray[np.floating],
    scans: tuple[Scan, ...],
    bank: ReferenceBank,
    snapshot: Snapshot,
    *,
    settings: Settings,
    patient_id: str | None,
) -> Comparison:
    used = calibration_in_use(bank, snapshot, settings)
    measured = yardstick(bank, snapshot, used.metric)
    vector = _checked(embedding, measured, bank.name)
    point = measured.space.points(vector[np.newaxis])
    distances = measured.space.distances(point, measured.points)[0]
    patient = bank.hash_patient(patient_id) if patient_id else None
    who = who_counts(distances, scans, measured, patient=patient, bank_name=bank.name)
    ranking = rank(
        point[0],
        distances,
        measured,
        who.keep,
        used.calibrated,
        k=settings.k,
        rule=used.rule,
        level=settings.level,
    )
    scope = check_scope(
        [scan.modality for scan in scans], [scan.body_part for scan in scans], measured.records
    )
    verdict = give_verdict(
        ranking, scope_fault=scope.fault, rule=used.rule, calibrated=used.calibrated
    )
    foreign = verdict.outcome in ("none of these", "out of scope")
    notes = (
        *used.notes,
        *scope.notes,
        *patient_notes(who, measured, patient=patient),
        *ranking_notes(ranking, measured, k=settings.k, foreign=foreign),
        *limit_notes(verdict),
    )
    learned = used.calibrated.probabilities if used.calibrated is not None else None
    reason = None if learned is not None else used.probability_reason
    if foreign and learned is not None:
        ranking, reason = without_probabilities(ranking), _NOTHING_ALIKE
    held = ranking.condition_set
    if foreign:
        held = replace(held, conditions=None, reason=_NOTHING_ALIKE)
    return Comparison(
        query=query_facts(scans, patient=patient, patient_id=patient_id),
        matches=ranking.matches,
        conditions=ranking.conditions,
        verdict=verdict,
        metric=used.metric,
        rule=used.rule,
        k=settings.k,
        n_cases=len(who.keep),
        n_same_patient=int(who.own.sum()),
        encoder_fingerprint=bank.encoder_card.fingerprint,
        encoder_name=bank.encoder_card.name,
        bank_name=bank.name,
        bank_version=measured.version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=(*notes, *set_notes(held, ranking.conditions)),
        probability_reason=reason,
        medsiam_version=__version__,
        condition_set=held,
        evidence=ranking.evidence,
        maybe_same_patient=matches_of(who.near | who.copies, distances, measured),
        calibration=used.facts,
        runtime=bank.runtime,
    )


def _checked(
    embedding: NDArray[np.floating], measured: Yardstick, bank_name: str
) -> NDArray[np.floating]:
    vector = np.asarray(embedding).reshape(-1)
    expected = measured.cases.embeddings.shape[1]
    if vector.size != expected:
        raise EncoderMismatchError(
            f"the query's embedding has {vector.size} values, those of bank {bank_name} have "
            f"{expected}; embed it with the bank's own encoder"
        )
    if not np.isfinite(vector).all():
        raise EncoderError(
            f"the encoder of bank {bank_name} gave values that are not finite for this query; "
            "look at the scan for damaged values"
        )
    return vector


def _counted(n: int, noun: str) -> str:
    return f"1 {noun}" if n == 1 else f"{n} {noun}s"
