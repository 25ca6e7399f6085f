"""What a bank gives to the maps of its comparisons: a centre, and whether they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.calibration import read_calibration
from medsiam.comparison.explanation import PairedExplanation, explain
from medsiam.comparison.explanation_checks import (
    FEWEST_PAIRS,
    ExplanationChecks,
    check_explanations,
)
from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.yardstick import case_arrays
from medsiam.distances import pairwise_distances
from medsiam.errors import BankError, UsageError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank, Snapshot

Codes = NDArray[np.intp]


def bank_centre(snapshot: Snapshot) -> NDArray[np.float64]:
    """Return the mean embedding of a bank's patients, each by the mean of all his scans.

    Returns:
        (embedding_dim,), one for all phases.

    Raises:
        BankError: an empty bank.
    """
    if not snapshot.cases:
        raise BankError("an empty bank has no centre to see a similarity from; add cases")
    cases = case_arrays(snapshot)
    _, codes, counts = np.unique(cases.patients, return_inverse=True, return_counts=True)
    weights = 1 / counts[codes] / len(counts)
    phases = cases.embeddings.reshape(len(cases), len(snapshot.phases), -1)
    centre: NDArray[np.float64] = weights @ phases.mean(axis=1, dtype=np.float64)
    return centre


def check_bank_explanations(
    bank: ReferenceBank, n_pairs: int, *, random_state: int = 0
) -> ExplanationChecks:
    """Check the maps of a bank's comparisons on its own cases.

    Cases drawn at random, of as many patients as there are, each with its nearest case of another
    patient. Of cases of several scans the pairs take the phases in turn. Only the scans of these
    pairs are read. Maps seen from the bank's centre come first; only where they fail, and the
    plain ones pass, are the plain ones this bank's maps (hearts need the centre, cells the plain
    similarity: docs/explanation.md).

    Args:
        bank: that keeps its scans.
        n_pairs: at least `FEWEST_PAIRS`; fewer are taken where the bank has fewer cases.
        random_state: seed of the draw, the regions and the shuffled weights.

    Raises:
        BankError: a bank without scans, or with too few cases or patients.
        UsageError: too few pairs asked for.
        EncoderError: an encoder without maps.
    """
    if n_pairs < FEWEST_PAIRS:
        raise UsageError(f"maps are checked on at least {FEWEST_PAIRS} pairs, not {n_pairs}")
    from medsiam.encoders import check_has_maps  # brings torch

    check_has_maps(bank.encoder_card)
    if not bank.keeps_pixels:
        raise BankError(f"bank {bank.name} keeps no scans, so it has no maps to check")
    snapshot = bank.snapshot()
    cases = case_arrays(snapshot)
    if len(cases) < FEWEST_PAIRS or cases.n_patients < 2:
        raise BankError(
            f"bank {bank.name} has {len(cases)} cases of {cases.n_patients} patients: maps are "
            f"checked on at least {FEWEST_PAIRS} cases of at least 2 patients; add cases"
        )
    pairs = []
    for place, (row, other) in enumerate(
        _draw(cases, n_pairs, np.random.default_rng(random_state))
    ):
        phase = place % len(snapshot.phases)
        ours, theirs = (bank.scans(str(cases.case_ids[i]))[phase] for i in (row, other))
        pairs.append((ours, theirs))
    centred = check_explanations(
        pairs, bank.encoder, centre=bank_centre(snapshot), random_state=random_state
    )
    if centred.passed:
        return centred
    plain = check_explanations(pairs, bank.encoder, random_state=random_state)
    return plain if plain.passed else centred


def _draw(cases: CaseArrays, n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Rows of cases, a patient's second only after every patient's first, and of their nearest."""
    order = rng.permutation(len(cases))
    patients = cases.patients[order]
    turn = [int((patients[:place] == patient).sum()) for place, patient in enumerate(patients)]
    rows = order[np.argsort(turn, kind="stable")][:n]
    distances = pairwise_distances(cases.embeddings[rows], cases.embeddings, metric="cosine")
    distances[cases.patients[rows, None] == cases.patients] = np.inf
    return list(zip(rows.tolist(), distances.argmin(axis=1).tolist(), strict=True))


def explain_match(
    query_scans: Sequence[Scan], case_id: str, bank: ReferenceBank
) -> tuple[PairedExplanation, ...]:
    """Explain one match of a comparison, as the bank's checks have found it right.

    Args:
        query_scans: in the order of the bank's phases.
        case_id: of the match.
        bank: that keeps its scans.

    Returns:
        one per phase.

    Raises:
        BankError: the bank does not keep this case's scans.
        EncoderError: an encoder without maps, or maps that failed the bank's checks.
        EncoderMismatchError, ScanError: a scan that the encoder cannot take.
    """
    from medsiam.encoders import check_has_maps

    check_has_maps(bank.encoder_card)
    checks = kept_checks(bank)
    plain = checks is not None and not checks.centred
    centre = None if plain else bank_centre(bank.snapshot())
    return tuple(
        explain(query, kept, bank.encoder, centre=centre, checks=checks)
        for query, kept in zip(query_scans, bank.scans(case_id), strict=True)
    )


def kept_checks(bank: ReferenceBank) -> ExplanationChecks | None:
    """What the newest calibration that checked maps found; None: none did.

    A later calibration without this check does not undo it: a bank keeps its encoder.
    """
    for kept in reversed(bank.calibrations):
        try:
            found = read_calibration(kept, bank)
        except BankError:  # of another program; the newest one is read, and refused, elsewhere
            continue
        if found.explanation is not None:
            return found.explanation
    return None
