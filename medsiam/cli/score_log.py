"""`medsiam score --log-json`: one JSON object a line, for programs that watch a run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from medsiam.errors import MedsiamError, OutputError

if TYPE_CHECKING:
    from medsiam.scoring import Part


class ScoreLog:
    """Writes events; nothing in them names a file or a patient.

    Args:
        stream: a text stream; None: nobody wants a log.
    """

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream
        self._began = time.monotonic()

    def event(self, name: str, **facts: Any) -> None:
        """Write one line.

        Raises:
            OutputError: where it cannot be written.
        """
        if self._stream is None:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "seconds": round(time.monotonic() - self._began, 3),
            "event": name,
            **facts,
        }
        try:
            self._stream.write(json.dumps(line) + "\n")
            self._stream.flush()
        except OSError as error:
            raise OutputError(f"cannot write the log: {error.strerror}") from error


def tell_of_series(log: ScoreLog, part: Part, known: bool) -> None:
    """Write the line of one series.

    Raises:
        OutputError: where it cannot be written.
    """
    log.event(
        "series",
        series=part.series,
        outcome=part.outcome,
        code=part.code,
        verdict=part.verdict,
        known=known,
    )


@contextmanager
def score_log(where: str | None) -> Iterator[ScoreLog]:
    """Open a log; how the block ended is its last line.

    Args:
        where: a file, to which it is added; "-" for stderr; None for no log.

    Raises:
        OutputError: where the file cannot be written.
    """
    stream: IO[str] | None = None
    if where == "-":
        stream = sys.stderr
    elif where is not None:
        try:
            stream = open(where, "a", encoding="utf-8")  # noqa: SIM115, PTH123 - closed below
        except OSError as error:
            raise OutputError(f"cannot write {where}: {error.strerror}") from error
    log = ScoreLog(stream)
    try:
        yield log
    except MedsiamError as error:
        log.event("ended", exit_code=error.exit_code, error=type(error).__name__)
        raise
    except BaseException as error:
        code = 130 if isinstance(error, KeyboardInterrupt) else MedsiamError.exit_code
        log.event("ended", exit_code=code, error=type(error).__name__)
        raise
    finally:
        if stream is not None and stream is not sys.stderr:
            stream.close()
