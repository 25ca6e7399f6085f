"""Studies that are open: each belongs to one visitor, and has a link that is good for him alone."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import streamlit as st

from medsiam import Scan
from medsiam.errors import MedsiamError
from shell.login import reader_name
from shell.visitor import visitor
from study.checks import Check

_ID_BYTES = 16  # said in hexadecimal: Streamlit allows no "__" in the key of a component
_PER_VISITOR = 8
_BYTES_PER_VISITOR = 1 << 30
_BYTES_OF_ALL = 4 << 30
_SECONDS = 2 * 3600.0


class StudyNotOpenError(MedsiamError):
    """A link to a study that is not open, or not for this reader; both are told alike."""

    code: ClassVar[str] = "study_not_open"


@dataclass(frozen=True)
class OpenedStudy:
    """A study that a visitor has opened.

    Attributes:
        study_id: random, for links; says nothing.
        scans: in the order of the bank's phases.
        label: what it is, for the reader; nobody's name.
        checks: what was found when it was opened.
        names: what the reader may see when identity is revealed, such as the file's name.
        opened: seconds since 1970.
        outcome: best condition or "none of these", once compared.
    """

    study_id: str
    scans: tuple[Scan, ...] = field(repr=False)
    label: str
    checks: tuple[Check, ...]
    names: tuple[str, ...] = field(repr=False)
    opened: float
    outcome: str | None = None

    @property
    def content(self) -> str:
        """The content hashes of its scans, which name nobody; what a review calls the study."""
        return " ".join(scan.content_hash for scan in self.scans)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that the reader went on in spite of."""
        return tuple(check.sentence for check in self.checks if check.level == "warning")


class Registry:
    """What is open in this server, few studies and bounded memory for each visitor."""

    def __init__(
        self,
        *,
        per_visitor: int = _PER_VISITOR,
        bytes_per_visitor: int = _BYTES_PER_VISITOR,
        bytes_of_all: int = _BYTES_OF_ALL,
        seconds: float = _SECONDS,
    ) -> None:
        self._per_visitor = per_visitor
        self._bytes, self._bytes_of_all = bytes_per_visitor, bytes_of_all
        self._seconds = seconds
        # By owner, the one used last at the end; with the moment of that use.
        self._held: dict[str, dict[str, tuple[float, OpenedStudy]]] = {}
        self._lock = threading.Lock()

    def add(self, owner: str, study: OpenedStudy) -> None:
        """Hold a study; the ones used longest ago make room for it."""
        with self._lock:
            self._forget_old()
            own = self._held.setdefault(owner, {})
            own[study.study_id] = (time.monotonic(), study)
            while len(own) > 1 and (len(own) > self._per_visitor or _size(own) > self._bytes):
                del own[next(iter(own))]
            self._make_room(study.study_id)

    def get(self, owner: str, study_id: str) -> OpenedStudy | None:
        """Return a study of this owner, which counts as a use of it."""
        with self._lock:
            self._forget_old()
            own = self._held.get(owner, {})
            if study_id not in own:
                return None
            _, study = own.pop(study_id)
            own[study_id] = (time.monotonic(), study)
            return study

    def replace(self, owner: str, study: OpenedStudy) -> None:
        """Hold a study with other facts in the place of the one of its id, if that is still open.

        It is no use of it: the order of the worklist stays.
        """
        with self._lock:
            own = self._held.get(owner, {})
            if study.study_id in own:
                own[study.study_id] = (own[study.study_id][0], study)

    def close(self, owner: str, study_id: str) -> None:
        """Forget a study."""
        with self._lock:
            self._held.get(owner, {}).pop(study_id, None)

    def of(self, owner: str) -> tuple[OpenedStudy, ...]:
        """Return all of this owner, the one opened last first."""
        with self._lock:
            self._forget_old()
            studies = [study for _, study in self._held.get(owner, {}).values()]
        return tuple(sorted(studies, key=lambda study: study.opened, reverse=True))

    def _make_room(self, newest: str) -> None:
        """Close what was used longest ago by anybody, while all together are too much."""
        by_use = sorted(
            (used, owner, study_id)
            for owner, own in self._held.items()
            for study_id, (used, _) in own.items()
            if study_id != newest
        )
        for _, owner, study_id in by_use:
            if sum(_size(own) for own in self._held.values()) <= self._bytes_of_all:
                return
            del self._held[owner][study_id]

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._seconds
        for owner, own in list(self._held.items()):
            for study_id, (used, _) in list(own.items()):
                if used < oldest:
                    del own[study_id]
            if not own:
                del self._held[owner]


def keep(
    scans: Sequence[Scan], label: str, checks: Sequence[Check], names: Sequence[str] = ()
) -> str:
    """Open a study for this visitor and return its id."""
    study = OpenedStudy(
        study_id=secrets.token_hex(_ID_BYTES),
        scans=tuple(scans),
        label=label,
        checks=tuple(checks),
        names=tuple(names),
        opened=time.time(),
    )
    _registry().add(_owner(), study)
    return study.study_id


def opened(study_id: str | None) -> OpenedStudy:
    """Return what this visitor has opened under this id.

    Raises:
        StudyNotOpenError: there is none, or it is another visitor's.
    """
    if not study_id:
        raise StudyNotOpenError("no study is open; open one on the Start page")
    study = _registry().get(_owner(), study_id)
    if study is None:
        raise StudyNotOpenError(
            "this link belongs to another visit, or its study was closed; open the study again on "
            "the Start page"
        )
    return study


def all_opened() -> tuple[OpenedStudy, ...]:
    """Return what this visitor has open, the last one first."""
    return _registry().of(_owner())


def close(study_id: str) -> None:
    """Close a study of this visitor."""
    _registry().close(_owner(), study_id)


def note_outcome(study_id: str, outcome: str) -> None:
    """Note the best condition, or "none of these", for the worklist."""
    for study in all_opened():
        if study.study_id == study_id:
            _registry().replace(_owner(), replace(study, outcome=outcome))


def _owner() -> str:
    """Whose a study is: the login's where there is one, so that it follows him and nobody else."""
    name = reader_name()
    return f"visit {visitor()}" if name is None else f"reader {name}"


def _size(own: dict[str, tuple[float, OpenedStudy]]) -> int:
    return sum(scan.array.nbytes for _, study in own.values() for scan in study.scans)


@st.cache_resource(show_spinner=False)
def _registry() -> Registry:
    return Registry()
