"""Whose picture is the same as another's, though it was saved again, made brighter or smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.bank.store import Snapshot
from medsiam.preprocessing.perceptual_hash import hash_signs

Signs = NDArray[np.float32]

# Share of bits that differ. Measured (docs/bank.md): the same picture as JPEG of quality 50,
# brighter or smaller by 2 % differs in at most 0.18; of different patients the likest two of 740
# cells in 0.26, of 421 chest films in 0.21.
_LIMIT = 0.16
# Silhouettes differ less: what half of a bank's cases keep from their nearest of another patient,
# times this. Surely copied ones are not asked, or a bank full of copies would hide them all; of 600
# adrenal glands the likest two of different patients differ in 0.074.
_SHARE_OF_USUAL = 0.45
_SURELY_COPIED = 0.05
_FEWEST_PATIENTS = 10
_LIMIT_OF_FEW = 0.07  # where that is not known
_ASKING = 300
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of n cases, as far as hashes tell them.

    Attributes:
        signs: (n, n_phases, n_bits) of `hash_signs`; 0 where a case has no hash.
        patients: (n,) codes; a case without a patient is one of its own.
        limit: share of differing bits below which two pictures are the same.
    """

    signs: Signs
    patients: NDArray[np.intp]
    limit: float

    @classmethod
    def of(cls, snapshot: Snapshot) -> Pictures:
        """Gather the hashes of a version of a bank."""
        unknown = ((None,) * len(snapshot.phases),) * len(snapshot.cases)
        signs = _signs(snapshot.picture_hashes or unknown)
        names = [case.patient or f"case {row}" for row, case in enumerate(snapshot.cases)]
        patients = np.unique(names, return_inverse=True)[1]
        return cls(signs, patients, _limit(signs, patients))

    def same_as(self, hashes: Sequence[str | None]) -> NDArray[np.bool_]:
        """(n,) true for the cases that hold one of a query's pictures, in the same phase.

        Args:
            hashes: of the query's scans, in the order of the phases.
        """
        n_cases, n_phases, n_bits = self.signs.shape
        if not n_cases or len(hashes) != n_phases:
            return np.zeros(n_cases, dtype=bool)
        asked = np.stack([hash_signs(text, n_bits) for text in hashes])[None]
        return np.asarray(_differing(asked, self.signs)[0] < self.limit)

    def pairs(self, among: Sequence[int] | None = None) -> tuple[tuple[int, int], ...]:
        """Positions of cases of two patients that hold the same picture, the earlier one first.

        Args:
            among: positions, one of which must be of the pair; None: any.
        """
        asking = np.arange(len(self.signs)) if among is None else np.asarray(among, dtype=np.intp)
        found: set[tuple[int, int]] = set()
        for start in range(0, len(asking), _ROWS_AT_ONCE):
            rows = asking[start : start + _ROWS_AT_ONCE]
            same = _differing(self.signs[rows], self.signs) < self.limit
            same &= self.patients[rows, None] != self.patients
            for i, j in zip(*(part.tolist() for part in np.nonzero(same)), strict=True):
                found.add((min(int(rows[i]), j), max(int(rows[i]), j)))
        return tuple(sorted(found))


def _signs(hashes: Sequence[Sequence[str | None]]) -> Signs:
    lengths = [4 * len(text) for texts in hashes for text in texts if text is not None]
    n_bits = max(lengths, default=0)
    n_phases = len(hashes[0]) if hashes else 0
    rows = [[hash_signs(text, n_bits) for text in texts] for texts in hashes]
    return np.array(rows, dtype=np.float32).reshape(len(hashes), n_phases, n_bits)


def _differing(a: Signs, b: Signs) -> Signs:
    """(m, n) least share over the phases of bits that differ; half where nothing is known."""
    n_bits = max(a.shape[2], 1)
    shares = [(1 - a[:, phase] @ b[:, phase].T / n_bits) / 2 for phase in range(a.shape[1])] or [
        np.full((len(a), len(b)), 0.5, np.float32)
    ]
    least: Signs = np.min(shares, axis=0)
    return least


def _limit(signs: Signs, patients: NDArray[np.intp]) -> float:
    known = np.flatnonzero(signs.any(axis=(1, 2)))
    if len(np.unique(patients[known])) < _FEWEST_PATIENTS:
        return _LIMIT_OF_FEW
    spread = np.linspace(0, len(known) - 1, min(len(known), _ASKING)).astype(np.intp)
    nearest = []
    for rows in np.array_split(known[spread], len(spread) // _ROWS_AT_ONCE + 1):
        shares = _differing(signs[rows], signs[known])
        shares[patients[rows, None] == patients[known]] = np.inf
        nearest += shares.min(axis=1).tolist()
    others = [share for share in nearest if share > _SURELY_COPIED]
    if len(others) < _FEWEST_PATIENTS:
        return _LIMIT_OF_FEW
    return min(_LIMIT, max(_SURELY_COPIED, _SHARE_OF_USUAL * float(np.median(others))))
