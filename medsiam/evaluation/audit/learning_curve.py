"""How many more patients of a condition would help: accuracy against its patients in the bank.

A case is found where its nearest other patient has its condition. If r of a condition's N other
patients lie nearer than everybody else, m of them drawn blindly hold at least one of the r with
probability 1 - C(N - r, m) / C(N, m): the mean over all draws, without drawing any. All other
conditions stay as they are.

More patients of a condition also catch more cases of others. So its `gain` stands beside what is
found: the share found less the share of other conditions' cases that it would wrongly take. Blind
embeddings have a gain of 0 for any number of patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases
from medsiam.metrics import wilson_interval

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_Z = 1.959964  # 95 %
_FLAT = 0.05  # a rise known to be smaller than this is called flat
_FEWEST = 4  # patients, so that one can be doubled with another left out


@dataclass(frozen=True)
class CurvePoint:
    """With so many patients of the condition in the bank.

    Attributes:
        n_patients: of the condition, the query's own left out.
        found: share of its cases that are found, with 95 % interval over patients.
        taken: share of other conditions' cases (each condition weighing the same) taken for it.
        chance: what a blind draw of one patient finds.
        gain: found - taken, with interval.
    """

    n_patients: int
    found: float
    found_low: float
    found_high: float
    taken: float
    chance: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class LearningCurve:
    """Of one condition.

    Attributes:
        condition: the diagnosis.
        n_patients: it has in the bank.
        points: from one patient to all but one.
        half: patients at the start of the last doubling, None where it cannot be measured.
        rise, rise_low, rise_high: of `gain` in the last doubling, with 95 % interval.
        trend: "rising", "falling", "flat", "unclear", or "too few".
        text: the same in one sentence.
    """

    condition: str
    n_patients: int
    points: tuple[CurvePoint, ...]
    half: int | None
    rise: float | None
    rise_low: float | None
    rise_high: float | None
    trend: str
    text: str


def measure_learning_curves(found: AuditCases) -> tuple[LearningCurve, ...]:
    """One curve per condition; intervals by the jackknife over patients, as queries and as bank.

    B. Efron, "The jackknife, the bootstrap and other resampling plans", 1982.
    """
    return tuple(
        _curve(found, label, name) if found.patients_per_condition[label] > 1 else _alone(name)
        for label, name in enumerate(found.names)
    )


def steps(most: int) -> tuple[int, ...]:
    """1, 2, 3, 5, 8 and so on, the half of `most`, and `most`."""
    numbers, following = [1], 2
    while following < most:
        numbers.append(following)
        following = numbers[-1] + numbers[-2]
    return tuple(sorted({*numbers, max(1, most // 2), most}))


def chances_of_one(n: int, m: int) -> Floats:
    """(n + 1,) probability that m of n drawn patients hold at least one of r, for r = 0 to n."""
    r = np.arange(n + 1)
    missed = np.ones(n + 1)
    for drawn in range(min(m, n)):
        missed *= np.maximum(n - r - drawn, 0) / (n - drawn)
    chances: Floats = 1 - missed
    return chances


@dataclass(frozen=True, eq=False)
class _Nearer:
    """Who lies nearer to each case than everybody of other conditions.

    Attributes:
        own: (n, k) whether each of the condition's k patients does.
        n: (n,) how many of the k may be met, the case's own patient left out.
        rival: (n,) patient of the nearest case of another condition; -1 where there is none.
        without: (n, k) as `own`, were the rival not there.
    """

    own: NDArray[np.bool_]
    n: Codes
    rival: Codes
    without: NDArray[np.bool_]


def _find_nearer(found: AuditCases, label: int) -> _Nearer:
    mine = found.role_labels == label
    to_mine, to_others = found.to_roles[:, mine], found.to_roles[:, ~mine]
    patients = found.role_patients[~mine]
    if not to_others.shape[1]:
        everyone = np.isfinite(to_mine)
        none = np.full(len(found), -1, dtype=np.intp)
        return _Nearer(everyone, everyone.sum(axis=1), none, everyone)
    at = to_others.argmin(axis=1)
    first = to_others.min(axis=1)
    second = np.where(patients[None, :] == patients[at][:, None], np.inf, to_others).min(axis=1)
    return _Nearer(
        to_mine < first[:, None],
        np.isfinite(to_mine).sum(axis=1),
        np.where(np.isfinite(first), patients[at], -1),
        to_mine < second[:, None],
    )


@dataclass(frozen=True, eq=False)
class _Varied:
    """Figures with m patients in the bank, and what moves them.

    The first axis of all but the last two is (found, taken, gain).

    Attributes:
        full: (3,).
        without: (3, p) with each patient left out, from asking and from the bank.
        unasked: (3, p) with each patient left out from asking only.
        fewer: (n, k) how each of the condition's patients, left out, moves what each case adds.
        freed: (n,) the same for the rival of each case.
    """

    full: Floats
    without: Floats
    unasked: Floats
    fewer: Floats
    freed: Floats

    def less(self, other: _Varied) -> _Varied:
        """The difference of two numbers of patients, and what moves it."""
        return _Varied(
            self.full - other.full,
            self.without - other.without,
            self.unasked - other.unasked,
            self.fewer - other.fewer,
            self.freed - other.freed,
        )

    def error(self, kind: int, weights: Floats) -> float:
        """Standard error of found (0) or gain (2).

        The jackknife counts twice what a pair of patients does to each other, and nearest
        neighbours are such pairs: so the squares of these are taken off (B. Efron and C. Stein,
        "The jackknife estimate of variance", Annals of Statistics 9 (1981) 586-596), down to what
        the asking patients alone vary. In simulations it is right or up to half too wide.

        Args:
            kind: row of `full`.
            weights: (3, n) weight of each case in each figure.
        """
        own = weights[kind]
        pairs = float(np.sum((self.fewer * own[:, None]) ** 2) + np.sum((self.freed * own) ** 2))
        variance = _jackknife(self.without[kind]) - pairs
        return float(np.sqrt(max(variance, _jackknife(self.unasked[kind]))))


def _curve(found: AuditCases, label: int, name: str) -> LearningCurve:
    nearer = _find_nearer(found, label)
    n_patients = int(found.patients_per_condition[label])
    most = n_patients - 1
    varied = {m: _vary(found, nearer, label, m) for m in steps(most)}
    weights = _weights(found, label)
    n_others = len(found.role_labels) - n_patients
    points = tuple(
        _point(m, one, weights, n_patients, m / max(1, m + n_others)) for m, one in varied.items()
    )
    if n_patients < _FEWEST:
        text = (
            f"{name}: {n_patients} patients are too few to say how much more would help; "
            f"found in {points[-1].found:.0%} of its cases so far."
        )
        return LearningCurve(name, n_patients, points, None, None, None, None, "too few", text)
    half = max(1, most // 2)
    doubled = varied[most].less(varied[half])
    rise, error = float(doubled.full[2]), doubled.error(2, weights)
    low, high = rise - _Z * error, rise + _Z * error
    trend = _trend(low, high)
    change = (
        f"from {half} to {most} patients its gain changed by {100 * rise:+.0f} points "
        f"({100 * low:+.0f} to {100 * high:+.0f})"
    )
    text = f"{name}: {_sentence(trend, points[-1], change)}"
    return LearningCurve(name, n_patients, points, half, rise, low, high, trend, text)


def _vary(found: AuditCases, nearer: _Nearer, label: int, m: int) -> _Varied:
    r, n = nearer.own.sum(axis=1), nearer.n
    table = np.zeros((int(n.max()) + 1, int(n.max()) + 1))
    for k in np.unique(np.append(n, np.maximum(n - 1, 0))):
        table[k, : k + 1] = chances_of_one(int(k), m)
    value = table[n, r]
    one_hot = np.eye(len(found.names))[found.labels]
    by_patient = np.zeros((found.n_patients, len(found.names)))
    counts, moves = np.zeros_like(by_patient), np.zeros_like(by_patient)
    np.add.at(by_patient, (found.patients, found.labels), value)
    np.add.at(counts, (found.patients, found.labels), 1.0)
    mine = found.role_labels == label
    fewer = table[np.maximum(n - 1, 0)[:, None], r[:, None] - nearer.own] - value[:, None]
    fewer = np.where(np.isfinite(found.to_roles[:, mine]), fewer, 0.0)
    moves[found.role_patients[mine]] += fewer.T @ one_hot
    freed = np.where(nearer.rival >= 0, table[n, nearer.without.sum(axis=1)] - value, 0.0)
    np.add.at(moves, (nearer.rival, found.labels), freed)  # 0 where there is no rival
    sums, n_all = by_patient.sum(axis=0), counts.sum(axis=0)
    return _Varied(
        _figures(sums[None], n_all[None], label)[:, 0],
        _figures(sums + moves - by_patient, n_all - counts, label),
        _figures(sums - by_patient, n_all - counts, label),
        fewer,
        freed,
    )


def _figures(sums: Floats, counts: Floats, label: int) -> Floats:
    """(3, b) found, taken and gain from (b, c) sums and counts of each condition's cases."""
    shares = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    others = np.delete(shares, label, axis=1)
    known = np.isfinite(others)
    taken = np.where(known, others, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.stack([shares[:, label], taken, shares[:, label] - taken])


def _weights(found: AuditCases, label: int) -> Floats:
    """(3, n) weight of each case in found, taken and gain."""
    of_case = 1 / np.bincount(found.labels)[found.labels]
    own = np.where(found.labels == label, of_case, 0.0)
    others = np.where(found.labels == label, 0.0, of_case) / max(1, len(found.names) - 1)
    return np.stack([own, others, own - others])


def _jackknife(without: Floats) -> float:
    """Variance from a figure without each patient in turn."""
    known = without[np.isfinite(without)]
    return float((len(known) - 1) / len(known) * np.sum((known - known.mean()) ** 2))


def _point(m: int, varied: _Varied, weights: Floats, n_patients: int, chance: float) -> CurvePoint:
    found, taken, gain = varied.full.tolist()
    half, of_gain = _Z * varied.error(0, weights), _Z * varied.error(2, weights)
    low, high = max(0.0, found - half), min(1.0, found + half)
    if not 1e-9 < found < 1 - 1e-9:
        low, high = wilson_interval(n_patients * round(found), n_patients)
    gain_low, gain_high = max(-1.0, gain - of_gain), min(1.0, gain + of_gain)
    return CurvePoint(m, found, low, high, taken, chance, gain, gain_low, gain_high)


def _trend(low: float, high: float) -> str:
    if low > 0:
        return "rising"
    if high < 0:
        return "falling"
    return "flat" if high < _FLAT else "unclear"


def _sentence(trend: str, last: CurvePoint, change: str) -> str:
    state = (
        f"found in {last.found:.0%} of its cases with {last.n_patients} patients in the bank "
        f"(95 % interval {last.found_low:.0%} to {last.found_high:.0%})"
    )
    words = {
        "rising": f"{state}; still rising: {change}, and as many again would rather bring less "
        "than that.",
        "falling": f"{state}; falling: {change}, because more of its patients take more cases of "
        "other conditions than they find of their own.",
        "flat": f"{state}; flat: {change}, so that more patients alone would hardly help.",
        "unclear": f"{state}; {change}, so that it cannot be told whether more would help.",
    }
    return words[trend]


def _alone(name: str) -> LearningCurve:
    text = f"{name}: one patient, who is left out: nothing can be measured with fewer than two."
    return LearningCurve(name, 1, (), None, None, None, None, "too few", text)
