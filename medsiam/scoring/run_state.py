"""run.json: what a run in an output folder is about, and how far it came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from medsiam._version import __version__
from medsiam.bank import ReferenceBank
from medsiam.errors import UsageError
from medsiam.scoring.schema import SCHEMA_VERSION
from medsiam.scoring.series_name import Shard
from medsiam.scoring.settings import Question
from medsiam.writing import write_atomically

RUN = "run.json"


@dataclass(frozen=True)
class RunState:
    """One run. The folder that is scored stands in it as a hash: its name may be a patient's.

    Attributes:
        folder: hash of its path.
        tree: hash of the names of all that lies in it, whatever share of it is scored: the same for
            a copy of the folder elsewhere, another one where a file comes or goes.
        bank_name, bank_version, calibration, encoder_fingerprint, runtime: who answers.
        question: what is asked.
        shard: which share of the folder, as "2/8"; None: all of it.
        state: "started" or "finished".
        started, finished: UTC, ISO 8601.
        n_series, n_files: to be accounted for.
        medsiam_version: of the program.
        schema_version: of the tables.
        pseudonyms: check value of their key; None where the output carries none.
    """

    folder: str
    tree: str
    bank_name: str
    bank_version: int
    calibration: int
    encoder_fingerprint: str
    question: Mapping[str, Any]
    shard: str | None
    n_series: int
    n_files: int
    started: str
    state: Literal["started", "finished"] = "started"
    finished: str | None = None
    medsiam_version: str = __version__
    schema_version: int = SCHEMA_VERSION
    runtime: str = "torch"
    pseudonyms: str | None = None

    @property
    def fingerprint(self) -> str:
        """sha256 of all that an outcome depends on besides the series itself."""
        depends = {
            "bank_version": self.bank_version,
            "calibration": self.calibration,
            "encoder_fingerprint": self.encoder_fingerprint,
            "runtime": self.runtime,
            "bank_name": self.bank_name,
            "question": dict(self.question),
            "medsiam_version": self.medsiam_version,
            "schema_version": self.schema_version,
        }
        return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()

    def key(self, content: str) -> str:
        """The key of an outcome: what the series holds, and all else that it depends on."""
        return hashlib.sha256(f"{self.fingerprint} {content}".encode()).hexdigest()

    def differences(self, other: RunState) -> tuple[str, ...]:
        """What tells another run from this one, in words."""
        pairs = (
            ("folder", self.folder, other.folder),
            ("bank", self.bank_name, other.bank_name),
            ("version of the bank", self.bank_version, other.bank_version),
            ("calibration", self.calibration, other.calibration),
            ("encoder", self.encoder_fingerprint, other.encoder_fingerprint),
            ("runtime of the encoder", self.runtime, other.runtime),
            ("settings", dict(self.question), dict(other.question)),
            ("shard", self.shard, other.shard),
            ("version of medsiam", self.medsiam_version, other.medsiam_version),
            ("schema of the tables", self.schema_version, other.schema_version),
            ("key of the pseudonyms", self.pseudonyms, other.pseudonyms),
        )
        return tuple(what for what, mine, theirs in pairs if mine != theirs)


def new_state(
    bank: ReferenceBank,
    question: Question,
    folder: Path,
    *,
    shard: Shard | None,
    tree: str,
    n_series: int,
    n_files: int,
    pseudonyms: str | None = None,
) -> RunState:
    """Describe a run that begins now; see `RunState`."""
    kept = bank.calibration
    return RunState(
        folder=bank.hash_patient(f"folder\n{folder.absolute()}"),
        tree=tree,
        bank_name=bank.name,
        bank_version=bank.snapshot().version,
        calibration=0 if kept is None else kept.number,
        encoder_fingerprint=bank.encoder_card.fingerprint,
        runtime=bank.runtime,
        question=asdict(question),
        shard=None if shard is None else str(shard),
        n_series=n_series,
        n_files=n_files,
        started=now(),
        pseudonyms=pseudonyms,
    )


def check_resumable(state: RunState, earlier: RunState | None, out: Path) -> None:
    """See that a folder holds this very run.

    Raises:
        UsageError: it holds none, or another one.
    """
    if earlier is None:
        raise UsageError(f"{out} holds no run to resume; leave out --resume to begin one there")
    others = state.differences(earlier)
    if others:
        raise UsageError(
            f"{out} holds another run: it differs in {', '.join(others)}; leave out --resume to "
            "replace it, or choose another --out"
        )


def write_state(state: RunState, out: Path) -> None:
    """Write `run.json`.

    Raises:
        OutputError: where it cannot be written.
    """
    write_atomically(out / RUN, json.dumps(asdict(state), indent=2, ensure_ascii=False) + "\n")


def read_state(out: Path) -> RunState | None:
    """Return the run in a folder; None where there is none, or none that this medsiam knows."""
    try:
        return RunState(**json.loads((out / RUN).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
