"""The reference bank: a folder with cases, their embeddings, and the encoder that made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.bank.bank_encoder import BankEncoder
from medsiam.bank.case import Case
from medsiam.bank.difference import Difference, difference
from medsiam.bank.filling import Refusal, check_new_case, embed_cases
from medsiam.bank.new_case import NewCase
from medsiam.bank.patients import hash_patient, new_salt
from medsiam.bank.place import BankPlace, bank_place
from medsiam.bank.postgres_address import PostgresAddress
from medsiam.bank.review_log import ReviewLog
from medsiam.bank.store import BankFacts, CaseStore, KeptCalibration, Snapshot, Stay, Version
from medsiam.bank.who import operating_user
from medsiam.encoders.card import EncoderCard
from medsiam.encoders.exported import Exported
from medsiam.encoders.runtimes import RuntimeChoice, RuntimeName
from medsiam.errors import BankError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.encoders import Encoder


class ReferenceBank:
    """Cases to compare with. Made by `create` or `open`.

    Facts are read without loading torch; the encoder is loaded when it is first needed. What other
    programs change is seen at once: `cases`, `embeddings` and the rest always answer from the
    newest version. Where several of them must fit together, take one `snapshot()`. What readers
    said is kept in `reviews`, which changes none of the rest.
    """

    def __init__(self, place: BankPlace, store: CaseStore, encoder: BankEncoder) -> None:
        self._place = place
        self._own = encoder
        self.reviews = ReviewLog(store.reviews, store.facts)
        self._store = store
        self._snapshot: Snapshot | None = None

    @classmethod
    def create(
        cls,
        path: Path | str,
        encoder: Encoder,
        *,
        name: str | None = None,
        pixels: bool = True,
        who: str | None = None,
        why: str | None = None,
    ) -> ReferenceBank:
        """Make an empty bank that is filled and queried with this encoder.

        Args:
            path: a folder that does not exist yet, or is empty; or the address of a new bank on a
                PostgreSQL server, `postgresql://user@host/database/bank`.
            encoder: its weights and card are copied into the bank.
            name: for people; that of the folder or the address where none is given.
            pixels: False for a bank of embeddings alone, which keeps no scan and can show none.
            who: makes it; by default the user of the operating system.
            why: for the list of versions.

        Raises:
            BankError: there is something at `path` already.
            OutputError: the folder cannot be written.
        """
        place = bank_place(path)
        facts = BankFacts(
            name=name or place.default_name,
            salt=new_salt(),
            encoder_fingerprint=encoder.fingerprint,
            encoder_name=encoder.card.name,
            embedding_dim=encoder.embedding_dim,
            spatial_dims=encoder.recipe.spatial_dims,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            keeps_pixels=pixels,
        )
        place.make(encoder, facts, who=who or operating_user(), why=why)
        return cls._open(place, "auto", encoder)

    @classmethod
    def open(cls, path: Path | str, *, runtime: RuntimeChoice = "auto") -> ReferenceBank:
        """Open a bank and check that it is whole.

        Args:
            path: its folder or address.
            runtime: of its encoder, see `load_encoder`.

        Raises:
            BankError: no bank, a damaged one, one of a newer medsiam; it stays untouched.
            EncoderMismatchError: the encoder in the folder is not the one that filled the bank.
        """
        return cls._open(bank_place(path), runtime)

    @classmethod
    def _open(
        cls, place: BankPlace, runtime: RuntimeChoice, loaded: Encoder | None = None
    ) -> ReferenceBank:
        store = place.open_store()
        own = BankEncoder(place, store.facts, place.read_card(), runtime=runtime, loaded=loaded)
        bank = cls(place, store, own)
        place.check_encoder_files(store.facts)
        store.check_whole()
        if store.facts.keeps_pixels:
            place.check_scans(store.scan_facts())
        return bank

    @property
    def path(self) -> Path | PostgresAddress:
        """Where the bank is, to be shown: its folder, or its address without a password."""
        return self._place.where

    @property
    def reopened_by(self) -> str:
        """What opens the bank in another process; never shown, for it may hold a password."""
        return self._place.reopened_by

    @property
    def name(self) -> str:
        """The bank's name."""
        return self._store.facts.name

    @property
    def keeps_pixels(self) -> bool:
        """False for a bank of embeddings alone."""
        return self._store.facts.keeps_pixels

    @property
    def version(self) -> int:
        """Number of the newest version: 0 for an empty new bank, one more with every change."""
        return self._store.version()

    @property
    def versions(self) -> tuple[Version, ...]:
        """What changed and when, oldest first."""
        return self._store.versions()

    @property
    def calibrations(self) -> tuple[KeptCalibration, ...]:
        """What was kept of every calibration, oldest first."""
        return self._store.calibrations()

    @property
    def calibration(self) -> KeptCalibration | None:
        """The newest calibration; None where there is none yet."""
        kept = self._store.calibrations()
        return kept[-1] if kept else None

    def keep_calibration(
        self, document: str, *, bank_version: int, who: str | None = None
    ) -> KeptCalibration:
        """Keep a calibration beside the cases; older ones stay.

        Args:
            document: JSON text; what it says is for those who compare, not for the bank.
            bank_version: version whose cases it was fitted on.
            who: made it; by default the user of the operating system.

        Raises:
            BankError: there is no such version.
            OutputError: the bank cannot be written.
        """
        return self._store.keep_calibration(
            document, bank_version=bank_version, who=who or operating_user()
        )

    @property
    def encoder_card(self) -> EncoderCard:
        """Card of the bank's encoder."""
        return self._own.card

    @property
    def encoder(self) -> Encoder:
        """The bank's own encoder, loaded on first use.

        Raises:
            EncoderError: it is damaged, or the runtime that was asked for cannot be had.
            EncoderMismatchError: it is not the one that filled the bank.
        """
        return self._own.load()

    @property
    def runtime(self) -> RuntimeName:
        """What embeds new scans, known without the encoder; errors as of `load_encoder`."""
        return self._own.runtime

    def keep_exported(self, exported: Exported) -> None:
        """Put a graph beside the encoder, for whoever opens the bank from now on.

        Raises:
            EncoderMismatchError: it was made from another encoder.
            OutputError: the bank cannot be written.
        """
        self._own.keep_exported(exported)

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases, in order of addition."""
        return self.snapshot().cases

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """(n_cases, n_phases * embedding_dim), in the order of `cases`; read-only."""
        return self.snapshot().embeddings

    @property
    def conditions(self) -> tuple[str, ...]:
        """Every condition once, sorted."""
        return self.snapshot().conditions

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases that every case has; ("",) for one scan per case."""
        return self.snapshot().phases

    @property
    def modalities(self) -> frozenset[str]:
        """Every modality that a case has."""
        return self.snapshot().modalities

    def snapshot(self, version: int | None = None) -> Snapshot:
        """Return cases and embeddings of one version, the newest where none is named.

        Raises:
            BankError: there is no such version, or the bank is damaged.
        """
        if version is not None:
            kept = self._snapshot  # a version never changes
            known = kept is not None and kept.version == version
            return kept if known and kept is not None else self._store.read(version)
        if self._snapshot is None or self._snapshot.version != self._store.version():
            self._snapshot = self._store.read()
        return self._snapshot

    def add(  # noqa: PLR0913 - the facts of a case, each by its name
        self,
        scans: Scan | Sequence[Scan],
        *,
        case_id: str,
        condition: str,
        patient_id: str | None = None,
        proof: str = "none",
        licence: str | None = None,
        source: str | None = None,
        phases: Sequence[str] = ("",),
        notes: str | None = None,
        site: str | None = None,
        scanner: str | None = None,
        acquired: str | None = None,
        curator: str | None = None,
        pixels_checked_by: str | None = None,
    ) -> Case:
        """Add one case; see `NewCase` for the arguments and `add_many` for the errors."""
        new = NewCase(
            scans=(scans,) if isinstance(scans, Scan) else tuple(scans),
            case_id=case_id,
            condition=condition,
            patient_id=patient_id,
            proof=proof,
            licence=licence,
            source=source,
            phases=tuple(phases),
            notes=notes,
            site=site,
            scanner=scanner,
            acquired=acquired,
            curator=curator,
            pixels_checked_by=pixels_checked_by,
        )
        return self.add_many([new])[0]

    def add_many(
        self,
        new_cases: Iterable[NewCase],
        *,
        who: str | None = None,
        why: str | None = None,
        on_refused: Refusal | None = None,
    ) -> tuple[Case, ...]:
        """Embed cases with the bank's encoder and add them as one new version.

        Args:
            new_cases: read as they are needed, so that few scans are in memory at a time.
            who: makes the change; by default the user of the operating system.
            why: for the list of versions.
            on_refused: told the case_id and the reason of each case that cannot be added, while
                the others are; without it the first such case ends the call and none is added.

        Returns:
            the cases added.

        Raises:
            BankError: a case_id or a scan is in the bank already, or the phases or dimensions are
                not the bank's.
            ScanError, EncoderMismatchError: a scan cannot be prepared for the encoder.
            OutputError: the bank cannot be written.
            UsageError: the bank was opened with a runtime of lower precision.
        """
        encoder = self._own.load_to_add()
        records = embed_cases(
            new_cases,
            store=self._store,
            encoder=encoder,
            keep=self._place.keep_scan if self.keeps_pixels else None,
            on_refused=on_refused,
        )
        added = self._store.add(
            records,
            encoder_fingerprint=encoder.fingerprint,
            who=who or operating_user(),
            why=why,
            partial=on_refused is not None,
        )
        for case, error in added.refused:  # another program was quicker
            if on_refused is not None:
                on_refused(case.case_id, error)
        return added.cases

    def check(self, new: NewCase) -> Case:
        """Return the case as it would be kept, or raise as `add_many` would; nothing is written."""
        return check_new_case(new, self._store)

    def stays(self, case_id: str) -> tuple[Stay, ...]:
        """When cases of this name came and went, oldest first; () where none ever was."""
        return self._store.stays(case_id)

    def remove(self, case_id: str) -> int:
        """Remove one case; see `remove_many`."""
        return self.remove_many([case_id])

    def remove_many(
        self, case_ids: Sequence[str], *, who: str | None = None, why: str | None = None
    ) -> int:
        """Remove cases from the newest version on; older versions keep them.

        Returns:
            number of the version that no longer has them.

        Raises:
            BankError: one of them is not in the bank; nothing was removed.
        """
        return self._store.remove(case_ids, who=who or operating_user(), why=why)

    def restore(self, version: int, *, who: str | None = None, why: str | None = None) -> int:
        """Go back to the cases of an older version, as a new version; no older one changes.

        Returns:
            number of the version that holds these cases: a new one, or the newest where it
            holds just them already.

        Raises:
            BankError: there is no such version.
        """
        return self._store.restore(version, who=who or operating_user(), why=why)

    def scans(self, case_id: str) -> tuple[Scan, ...]:
        """Return the kept scans of a case, in phase order, without patient and study.

        Raises:
            BankError: there is no such case, the bank keeps no pixels, or a kept scan is missing
                or damaged.
        """
        if not self.keeps_pixels:
            raise BankError(
                f"bank {self.name} keeps no pixels (it was made with --no-pixels), so the scans of "
                f"case {case_id} cannot be shown; its embedding and its facts are all there is"
            )
        return tuple(
            self._place.read_scan(facts, case_id=case_id)
            for facts in self._store.record(case_id).scans
        )

    def diff(self, older: int, newer: int) -> Difference:
        """Return which cases came, went or were replaced between two versions.

        Raises:
            BankError: there is no such version.
        """
        return difference(self.snapshot(older), self.snapshot(newer))

    def hash_patient(self, patient_id: str) -> str:
        """Return the patient's salted hash: the only form that is ever stored or printed."""
        return hash_patient(patient_id, self._store.facts.salt)

    def __repr__(self) -> str:
        snapshot = self.snapshot()
        return (
            f"ReferenceBank({self.name!r}, version {snapshot.version}, {len(snapshot.cases)} cases "
            f"of {len(snapshot.conditions)} conditions, encoder {self.encoder_card.name!r})"
        )
