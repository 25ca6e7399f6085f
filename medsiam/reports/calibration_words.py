"""A calibration as rows of a table and as sentences, for terminal and page."""

from __future__ import annotations

from medsiam.comparison.calibration import Calibration, MetricCalibration
from medsiam.comparison.rejection import Share

Rows = list[tuple[str, ...]]

_HEADER = (
    "metric",
    "balanced accuracy by rule (95 %)",
    "calibration error (95 %; by luck)",
    "Brier: here / 1-d / 1/(1+d) / base rate",
    "none of these: AUROC",
    "90 % sets held",
)


def calibration_rows(found: Calibration) -> tuple[tuple[str, ...], Rows]:
    """Header and one row per metric, the recommended one marked."""
    return _HEADER, [_row(entry, found.metric) for entry in found.metrics]


def _row(entry: MetricCalibration, recommended: str) -> tuple[str, ...]:
    rules = "\n".join(
        f"{score.rule}{'*' if score.rule == entry.rule else ''} {score.accuracy:.2f} "
        f"[{score.low:.2f}, {score.high:.2f}]"
        for score in entry.rules
    )
    given, rejection = entry.probabilities, entry.rejection
    name = f"{entry.metric}*" if entry.metric == recommended else entry.metric
    if given is None:
        return name, rules or "nobody to ask", "-", "-", "-", "-"
    seen = given.reliability
    return (
        name,
        rules,
        f"{seen.ece:.3f} [{seen.low:.3f}, {seen.high:.3f}]; {seen.ece_by_luck:.3f}",
        f"{given.brier:.3f} / {given.brier_one_less:.3f} / {given.brier_inverse:.3f} / "
        f"{given.brier_base:.3f}",
        "-"
        if rejection is None
        else f"{rejection.auroc:.2f} [{rejection.low:.2f}, {rejection.high:.2f}]",
        "-" if given.coverage is None else f"{given.coverage.value:.0%}",
    )


def calibration_sentences(found: Calibration) -> list[str]:
    """What was recommended, what is promised, and what could not be measured."""
    chosen = found.of(found.metric)
    said = [f"{metric} was not measured: {why}." for metric, why in found.not_measured.items()]
    if chosen is None:
        return said
    if found.n_conditions < 2 or not chosen.n_cases:
        why = (
            "it holds one condition"
            if found.n_conditions < 2
            else "no two of its patients share a condition"
        )
        far = (
            "nothing can be measured on this bank"
            if chosen.far_limit is None
            else "only how far off a scan lies was measured on this bank"
        )
        said.append(
            f"{far[0].upper()}{far[1:]}, since {why}: there is no probability, no set of "
            "conditions, and how often 'none of these' errs is not known. Add patients, and "
            "calibrate again."
        )
        return said
    said.append(
        f"Recommended: metric {chosen.metric}, conditions ranked by {chosen.rule}. Measured on "
        f"{chosen.n_cases} cases of {chosen.n_patients} patients whose condition another patient "
        f"of this bank has; chance is {1 / max(1, found.n_conditions):.2f}."
    )
    if chosen.probability_reason is not None:
        said.append(f"No probability is shown: {chosen.probability_reason}.")
    rejection = chosen.rejection
    if rejection is None:
        said.append(
            f"How often 'none of these' errs is not known: {chosen.rejection_reason}. The bank's "
            "own 95th percentile stays the limit."
        )
    else:
        said.append(
            f"None of these: turns away {_share(rejection.known_rejected)} whose condition the "
            f"bank holds, and lets pass {_share(rejection.unknown_accepted)} whose condition was "
            "left out of it."
        )
    if chosen.probabilities is not None:
        reached = [
            f"{entry.level:.0%}" for entry in chosen.probabilities.limits if entry.limit is not None
        ]
        if reached:
            said.append(
                f"Sets of conditions are given at {', '.join(reached)}; those of 90 % hold "
                f"{chosen.probabilities.set_size:.1f} conditions on average."
                if chosen.probabilities.set_size is not None
                else f"Sets of conditions are given at {', '.join(reached)}."
            )
    if found.explanation is not None:
        said.append(found.explanation.sentence)
    said.append(
        "All of it is about patients like those of this bank, scanned as they were; it is no "
        "claim of diagnostic performance. Research use only."
    )
    return said


def _share(share: Share) -> str:
    return (
        f"{share.value:.0%} (95 % interval {share.low:.0%} to {share.high:.0%}) of "
        f"{share.n_patients} patients"
    )
