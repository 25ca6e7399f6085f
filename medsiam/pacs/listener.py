"""Receive, score what is quiet, keep the results, send them back: the loop of `medsiam listen`.

All state lies in files, so that a listener that was killed goes on where it was: a series without
results for what it holds now is scored (again), and what waits in the outbox is sent.

    received/  conflicts/   see `inbox`
    results/<series>.json   what became of each series
    dicom/                  reports and pictures
    outbox/                 see `outbox`; only where there is a destination
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medsiam.bank import ReferenceBank
from medsiam.comparison import Comparison
from medsiam.errors import MedsiamError, OutputError
from medsiam.pacs.destination import Destination
from medsiam.pacs.inbox import Inbox, SeriesFolder, content_of
from medsiam.pacs.outbox import Outbox
from medsiam.pacs.receiver import ReceiverSettings, Say
from medsiam.pacs.receiving import ReceivingProcess
from medsiam.reports import comparison_document, nameless, write_dicom_results
from medsiam.scans import index_folder
from medsiam.scoring import Failure, Skip, score_sources, unreadable
from medsiam.scoring.lock import RunLock
from medsiam.writing import write_atomically

_LOOK_SECONDS = 0.5
_END_SECONDS = 1.0
_RETRY_SECONDS = 30.0
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class _Seen:
    """A series as it was when it last changed.

    Attributes:
        changed: by the disk's clock, which is only asked whether it is the same as before.
        since: when that was seen, by a clock of our own.
        done: whether there are results for it.
    """

    changed: int
    since: float
    done: bool = False


class Listener:
    """One output folder with its receiver, its bank and its destination.

    Args:
        bank: to compare with.
        settings: of the receiver; its folder is the output folder.
        quiet_seconds: a series is scored when nothing came for so long.
        keep_hours: a scored series is deleted when nothing came for so long.
        destination: where results go; None keeps them in the folder only.
        scoring: settings of `score_sources`: k, metric, rule, allow_resample.
        say: is given one sentence about each thing that happens.
    """

    def __init__(
        self,
        bank: ReferenceBank,
        settings: ReceiverSettings,
        *,
        say: Say,
        quiet_seconds: float = 5.0,
        keep_hours: float = 24.0,
        destination: Destination | None = None,
        scoring: dict[str, Any] | None = None,
    ) -> None:
        self._bank = bank
        self._folder = settings.folder
        self._say = say
        self._quiet = quiet_seconds
        self._keep = 3600 * keep_hours
        self._destination = destination
        self._scoring = scoring or {}
        self._inbox = Inbox(settings.folder)
        self._receiver = ReceivingProcess(settings, say)
        self._seen: dict[str, _Seen] = {}
        self._stop = threading.Event()

    def run(
        self,
        *,
        started: Callable[[], None] = lambda: None,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        """Listen until the process is told to end, or `until` says so.

        Args:
            started: is called when senders are answered.
            until: is asked now and then.

        Raises:
            LockedError: another listener, or a run of `score`, has this folder.
            OutputError: the folder cannot be written.
            UsageError: the address cannot be listened on.
            MissingExtraError: without the extra `pacs`.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the folder {self._folder}: {error.strerror}; choose another --out"
            ) from error
        with RunLock(self._folder):
            self._run(started, until)

    def _run(self, started: Callable[[], None], until: Callable[[], bool]) -> None:
        outbox = None if self._destination is None else Outbox(self._folder / "outbox")
        sender = threading.Thread(target=self._send, args=(outbox,), daemon=True)
        try:
            self._receiver.start()
            sender.start()
            started()
            while not until():
                self.look(outbox)
                self._receiver.restart_if_dead()
                self._stop.wait(_LOOK_SECONDS)
        finally:
            self._stop.set()
            self._receiver.close()
            if sender.is_alive():
                sender.join(_END_SECONDS)

    def look(self, outbox: Outbox | None) -> None:
        """Score each series that has become quiet, and drop those that are kept no longer."""
        for series in self._inbox.series():
            seen = self._seen.get(series.key)
            quiet = 0.0 if seen is None else time.monotonic() - seen.since
            if seen is None or seen.changed != series.changed:
                self._seen[series.key] = _Seen(series.changed, time.monotonic())
            elif not seen.done and quiet >= self._quiet:
                self._try_to_score(series, outbox)
            elif seen.done and quiet > self._keep:
                self._inbox.drop(series)
                del self._seen[series.key]

    def _try_to_score(self, series: SeriesFolder, outbox: Outbox | None) -> None:
        """Score one series, unless there are results; where the disk is full, it waits."""
        seen, names = self._seen[series.key], series.names()
        try:
            if names and self._result_of(series.key) != content_of(names):
                self._score(series, names, outbox)
            self._seen[series.key] = replace(seen, done=True)
        except OutputError as error:
            self._seen[series.key] = replace(seen, since=time.monotonic() + _RETRY_SECONDS)
            self._say(f"series {series.key[:12]} waits: {error}")

    def _score(self, series: SeriesFolder, names: Sequence[str], outbox: Outbox | None) -> None:
        """Compare what lies in one series' folder; results come first, then it counts as done."""
        index = index_folder(series.path)
        entries = [_failed(failure.code, failure.message) for failure in unreadable(index)]
        entries += [
            {"outcome": "skipped", "code": one.code, "reason": one.reason}
            for one in index.skipped
            if one.is_foreign
        ]
        written: list[Path] = []
        for outcome, scan in score_sources(index.sources, self._bank, **self._scoring):
            if isinstance(outcome, Failure):
                entries.append(_failed(outcome.code, outcome.message))
            elif isinstance(outcome, Skip):
                entries.append(
                    {"outcome": "skipped", "code": outcome.code, "reason": outcome.reason}
                )
            elif scan is not None:
                objects = write_dicom_results(outcome, scan, self._bank, self._folder / "dicom")
                written += objects.files
                entries.append(_scored(outcome, written[-2:]))
        for path in written if outbox is not None else ():
            assert outbox is not None
            outbox.put(path)
        document = {
            "schema_version": SCHEMA_VERSION,
            "series": series.key,
            "content": content_of(names),
            "n_files": len(names),
            "outcomes": entries,
        }
        write_atomically(self._result_path(series.key), json.dumps(document, indent=2) + "\n")
        said = ", ".join(str(entry["said"]) for entry in entries if "said" in entry)
        words = said or ", ".join(f"{e['outcome']} ({e['code']})" for e in entries) or "no image"
        self._say(f"series {series.key[:12]}, {len(names)} files: {words}")

    def _result_path(self, key: str) -> Path:
        return self._folder / "results" / f"{key}.json"

    def _result_of(self, key: str) -> str | None:
        """The content that the kept results of a series are about."""
        try:
            document = json.loads(self._result_path(key).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return document.get("content") if isinstance(document, dict) else None

    def _send(self, outbox: Outbox | None) -> None:
        """Empty the outbox, again and again; says what goes wrong once, not at each attempt."""
        trouble = ""
        while outbox is not None and self._destination is not None and not self._stop.is_set():
            try:
                results = outbox.deliver(self._destination.send)
            except (OSError, MedsiamError) as error:
                results, problem = (), f"outbox: {getattr(error, 'strerror', None) or error}"
            else:
                problem = next((r.reason for r in results if r.reply == "later"), "")
            for result in results:
                if result.reply == "refused":
                    self._say(f"{result.reason}; it lies in outbox/refused")
            if problem and problem != trouble:
                self._say(f"{problem}; {len(outbox.waiting)} objects wait, and are sent again")
            taken = sum(result.reply == "taken" for result in results)
            if taken:
                self._say(f"{taken} objects sent to {self._destination.name}")
            if results:
                trouble = problem
            self._stop.wait(_LOOK_SECONDS)


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"outcome": "failed", "code": code, "message": message}


def _scored(comparison: Comparison, written: list[Path]) -> dict[str, Any]:
    return {
        "outcome": "scored",
        "said": comparison.verdict.outcome,
        "dicom": [path.name for path in written],
        "comparison": comparison_document(nameless(comparison)),
    }
