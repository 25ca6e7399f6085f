"""What a bank asks of its storage, whatever keeps it: records, versions, whole views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from medsiam.bank.case import Case
from medsiam.errors import BankError
from medsiam.preprocessing.perceptual_hash import picture_hash

if TYPE_CHECKING:
    from medsiam.bank.review_log import ReviewStore
    from medsiam.scans.scan import Scan


@dataclass(frozen=True)
class BankFacts:
    """What is fixed when a bank is made.

    Attributes:
        name: for people.
        salt: for patient hashes; never shown.
        encoder_fingerprint, encoder_name: of the one encoder whose embeddings the bank takes.
        embedding_dim: length of the embedding of one scan.
        spatial_dims: 2 for images, 3 for volumes.
        created: UTC, ISO 8601.
        keeps_pixels: False for a bank of embeddings alone.
        encoder_digest: sha256 over the files of the encoder in the folder; None where unknown.
    """

    name: str
    salt: bytes = field(repr=False)
    encoder_fingerprint: str
    encoder_name: str
    embedding_dim: int
    spatial_dims: int
    created: str
    keeps_pixels: bool = True
    encoder_digest: str | None = None


@dataclass(frozen=True)
class ScanFacts:
    """What is known of a kept scan beside its values, exact to the last digit."""

    content_hash: str
    spatial_dims: int
    shape: tuple[int, ...]
    affine: tuple[float, ...] | None  # row by row, 16 values
    spacing: tuple[float, ...] | None
    modality: str | None
    body_part: str | None
    window: tuple[float, float] | None
    photometric: str | None
    kept_digest: str | None = None  # sha256 of the kept file; None where none is kept, or unknown
    # None for a scan of one value, and for what a program before form 3 has added.
    picture_hash: str | None = None

    @classmethod
    def of(cls, scan: Scan) -> ScanFacts:
        """Return what a bank keeps of a scan: nothing that names the patient or the study."""
        return cls(
            content_hash=scan.content_hash,
            spatial_dims=scan.spatial_dims,
            shape=tuple(int(n) for n in scan.array.shape),
            affine=None if scan.affine is None else tuple(map(float, scan.affine.ravel())),
            spacing=None if scan.spacing is None else tuple(map(float, scan.spacing)),
            modality=scan.modality,
            body_part=scan.body_part,
            window=None if scan.window is None else (float(scan.window[0]), float(scan.window[1])),
            photometric=scan.photometric,
            picture_hash=picture_hash(scan),
        )


@dataclass(frozen=True, eq=False)
class CaseRecord:
    """A case as it is stored.

    Attributes:
        case: what is known of it.
        scans: facts of each scan, in phase order.
        vectors: (n_phases, embedding_dim) float32, in phase order.
    """

    case: Case
    scans: tuple[ScanFacts, ...]
    vectors: NDArray[np.float32]

    def equals(self, other: CaseRecord) -> bool:
        """True where it is the same case from the same addition."""
        same_vectors = self.vectors.tobytes() == other.vectors.tobytes()
        return (self.case, self.scans) == (other.case, other.scans) and same_vectors


@dataclass(frozen=True)
class Version:
    """One state of the bank; version 0 is the empty bank, and every change makes the next one.

    Attributes:
        number: from 0.
        created: UTC, ISO 8601.
        what: what changed.
        why: as given; None where no reason was.
        n_cases: that the version holds.
        who: made the change; None where unknown.
    """

    number: int
    created: str
    what: str
    why: str | None
    n_cases: int
    who: str | None = None


@dataclass(frozen=True)
class Stay:
    """One time that a bank held a case of some name.

    Attributes:
        added: the version that first held it.
        removed: the version that no longer did; None while it is held.
    """

    added: Version
    removed: Version | None


@dataclass(frozen=True)
class KeptCalibration:
    """What a calibration is to the bank: one document, and what it was fitted on.

    Attributes:
        number: from 1.
        bank_version: version whose cases it was fitted on.
        created: UTC, ISO 8601.
        who: made it; None where unknown.
        document: JSON text.
    """

    number: int
    bank_version: int
    created: str
    who: str | None
    document: str


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One whole version of the bank: what to work on where a bank may change meanwhile.

    Attributes:
        version: number of the version.
        cases: in order of addition.
        embeddings: (n_cases, n_phases * embedding_dim) float32, same order, read-only.
        picture_hashes: of the scans of each case, same order; apart from the cases, for they are
            never shown.
    """

    version: int
    cases: tuple[Case, ...]
    embeddings: NDArray[np.float32] = field(repr=False)
    picture_hashes: tuple[tuple[str | None, ...], ...] = field(default=(), repr=False)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Every condition once, sorted."""
        return tuple(sorted({case.condition for case in self.cases}))

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases of every case; ("",) for one scan per case, and for an empty bank."""
        return self.cases[0].phases if self.cases else ("",)

    @property
    def modalities(self) -> frozenset[str]:
        """Every modality that a case has."""
        return frozenset(case.modality for case in self.cases if case.modality)


@dataclass(frozen=True)
class Added:
    """Outcome of one addition: the version it made, what went in, and what did not and why."""

    version: int
    cases: tuple[Case, ...]
    refused: tuple[tuple[Case, BankError], ...]


class CaseStore(Protocol):
    """Storage of one bank. A change is one transaction and one new version; nothing is deleted."""

    @property
    def facts(self) -> BankFacts:
        """What was fixed when the bank was made."""

    def version(self) -> int:
        """Number of the newest version, as stored now."""

    def versions(self) -> tuple[Version, ...]:
        """All versions, oldest first."""

    def read(self, version: int | None = None) -> Snapshot:
        """One whole version, the newest where none is named."""

    def record(self, case_id: str) -> CaseRecord:
        """One case of the newest version."""

    def stays(self, case_id: str) -> tuple[Stay, ...]:
        """When cases of this name came and went, oldest first."""

    def scan_facts(self) -> tuple[tuple[str, ScanFacts], ...]:
        """The case_id and the facts of every scan of the newest version."""

    def check(self, case: Case) -> None:
        """Raise BankError where the newest version would refuse the case."""

    def add(
        self,
        records: Sequence[CaseRecord],
        *,
        encoder_fingerprint: str,
        who: str | None = None,
        why: str | None = None,
        partial: bool = False,
    ) -> Added:
        """Add cases in one transaction: all of them, or with `partial` those not refused."""

    def remove(
        self, case_ids: Sequence[str], *, who: str | None = None, why: str | None = None
    ) -> int:
        """Remove cases from the newest version on, and return its number."""

    def restore(self, version: int, *, who: str | None = None, why: str | None = None) -> int:
        """Make a new version with the cases of an older one, and return its number."""

    def check_whole(self) -> None:
        """Raise BankError where anything that was ever stored, but for reviews, is damaged."""

    @property
    def reviews(self) -> ReviewStore:
        """What readers said."""

    def calibrations(self) -> tuple[KeptCalibration, ...]:
        """All calibrations, oldest first."""

    def keep_calibration(
        self, document: str, *, bank_version: int, who: str | None
    ) -> KeptCalibration:
        """Keep one more calibration; no older one is changed."""
