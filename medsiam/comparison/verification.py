"""Two scans, one question: do they show the same condition?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from medsiam._version import __version__
from medsiam.comparison.digits import in_digits
from medsiam.comparison.query import query_facts
from medsiam.comparison.result import RESEARCH_USE, QueryFacts
from medsiam.distances import pairwise_distances
from medsiam.errors import EncoderMismatchError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.encoders import Encoder, Verification

ProbabilitySource = Literal["calibration", "match_head"]

_SAME_PIXELS = (
    "both scans hold the same pixels, so they are trivially alike; give two different scans"
)
_SAME_PATIENT = (
    "both scans are of one patient, and scans of one patient are alike whatever they show; the "
    "threshold was measured on pairs of different patients"
)


@dataclass(frozen=True)
class PairVerification:
    """The answer for one pair of scans, checked when it is built.

    Attributes:
        scan_a, scan_b: what was compared; no patient.
        distance: lower is closer.
        metric: of the distance.
        threshold: distance up to which a pair counts as the same; None with a `reason`.
        same: whether the distance is at most the threshold; None with a `reason`.
        reason: why there is no threshold.
        probability: that both show one condition, if same and different are equally likely
            beforehand; None with a `probability_reason`.
        probability_source: calibration (a curve over the distance, fitted on validation pairs)
            or match_head (the encoder's own twin head, as trained).
        probability_reason: why there is no probability.
        measured_on: what threshold and calibration were measured on, and how good they were.
        n_pairs, n_subjects: of that measurement.
        encoder_name, encoder_fingerprint: who answers.
        created: UTC, ISO 8601.
        runtime: what ran the encoder.
        notes: sentences to read before the answer is used.
    """

    scan_a: QueryFacts
    scan_b: QueryFacts
    distance: float
    metric: str
    threshold: float | None
    same: bool | None
    reason: str | None
    probability: float | None
    probability_source: ProbabilitySource | None
    probability_reason: str | None
    measured_on: str | None
    n_pairs: int
    n_subjects: int
    encoder_name: str
    encoder_fingerprint: str
    created: str
    runtime: str
    notes: tuple[str, ...] = ()
    medsiam_version: str = __version__
    research_use: str = RESEARCH_USE

    def __post_init__(self) -> None:
        if not math.isfinite(self.distance) or self.distance < 0:
            raise ValueError(f"a distance is a number from 0 on, got {self.distance}")
        if not (self.threshold is None) == (self.same is None) == (self.reason is not None):
            raise ValueError("give threshold and decision, or the reason why there are none")
        if (self.probability is None) == (self.probability_reason is None):
            raise ValueError("give a probability, or the reason why there is none")

    @property
    def text(self) -> str:
        """The answer in one sentence."""
        if self.threshold is None:
            (distance,) = in_digits(self.distance)
            judged = f"distance {distance}: not judged ({self.reason})"
        else:
            distance, threshold = in_digits(self.distance, self.threshold)
            verdict = "same condition" if self.same else "different conditions"
            judged = f"distance {distance}, threshold {threshold}: {verdict}"
        if self.probability is None:
            return judged
        by = " by the encoder's match head" if self.probability_source == "match_head" else ""
        return (
            f"{judged} (probability of one condition {self.probability:.2f}{by}, if same and "
            "different are equally likely beforehand)"
        )


def verify(scan_a: Scan, scan_b: Scan, encoder: Encoder) -> PairVerification:
    """Judge whether two scans show the same condition.

    Symmetric: the answer does not depend on which scan is named first. Threshold and calibration
    are those of the encoder's card.

    Args:
        scan_a: one scan.
        scan_b: the other one.
        encoder: of their kind.

    Raises:
        EncoderMismatchError: scans of two kinds (2D, 3D), or not of the encoder's.
        ScanError: a scan that cannot be prepared.
    """
    if scan_a.spatial_dims != scan_b.spatial_dims:
        raise EncoderMismatchError(
            f"the first scan is {scan_a.spatial_dims}D and the second {scan_b.spatial_dims}D; two "
            "images or two volumes can be compared"
        )
    card = encoder.card.verification
    embeddings = encoder.embed([scan_a, scan_b])
    distance = float(pairwise_distances(embeddings[:1], embeddings[1:], metric=card.metric)[0, 0])
    warning = _trivial(scan_a, scan_b)
    probability, source, reason = _probability(embeddings, distance, encoder)
    if warning is not None:
        probability, source, reason = None, None, warning
    same = None if card.threshold is None else distance <= card.threshold
    return PairVerification(
        scan_a=query_facts([scan_a], patient=None, patient_id=scan_b.patient_id),
        scan_b=query_facts([scan_b], patient=None, patient_id=scan_a.patient_id),
        distance=distance,
        metric=card.metric,
        threshold=card.threshold,
        same=same,
        reason=card.reason,
        probability=probability,
        probability_source=source,
        probability_reason=reason,
        measured_on=card.measured_on,
        n_pairs=card.n_pairs,
        n_subjects=card.n_subjects,
        encoder_name=encoder.card.name,
        encoder_fingerprint=encoder.fingerprint,
        runtime=encoder.runtime,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=_notes(scan_a, scan_b, warning, same, probability),
    )


def _probability(
    embeddings: NDArray[np.float32], distance: float, encoder: Encoder
) -> tuple[float | None, ProbabilitySource | None, str | None]:
    """Probability, where it comes from, and why there is none."""
    card = encoder.card
    head = encoder.network.match_head
    # The head has learned on embeddings as they were before whitening was fitted.
    if head is not None and card.architecture.whitened_domains == 0:
        import torch

        pair = torch.from_numpy(embeddings)
        with torch.inference_mode():
            return float(torch.sigmoid(head(pair[:1], pair[1:]))[0]), "match_head", None
    return _calibrated(distance, card.verification)


def _calibrated(
    distance: float, card: Verification
) -> tuple[float | None, ProbabilitySource | None, str | None]:
    if card.slope is None or card.intercept is None:
        return None, None, card.reason or "this encoder's distances are not calibrated"
    log_odds = card.slope * distance + card.intercept
    return (1 + math.tanh(log_odds / 2)) / 2, "calibration", None


def _trivial(scan_a: Scan, scan_b: Scan) -> str | None:
    """Why the two scans are alike without any condition's doing, or None."""
    if np.array_equal(scan_a.array, scan_b.array):
        return _SAME_PIXELS
    patients = [(scan.patient_id or "").strip() for scan in (scan_a, scan_b)]
    return _SAME_PATIENT if patients[0] and patients[0] == patients[1] else None


def _notes(
    scan_a: Scan, scan_b: Scan, warning: str | None, same: bool | None, probability: float | None
) -> tuple[str, ...]:
    notes = [] if warning is None else [f"{warning[0].upper()}{warning[1:]}."]
    if scan_a.modality and scan_b.modality and scan_a.modality != scan_b.modality:
        notes.append(
            f"The scans are of two modalities ({scan_a.modality} and {scan_b.modality}): their "
            "distance tells more of that than of the condition."
        )
    if same is not None and probability is not None and same != (probability >= 0.5):
        notes.append("Decision and probability fall on different sides: this pair is a close call.")
    return tuple(notes)
