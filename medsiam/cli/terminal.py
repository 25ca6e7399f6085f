"""What a command prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_SECONDS_BETWEEN_LINES = 10.0
_LINES_OF_PACE = 6  # how long ago counts for the time left: what came first may have been quick
_PIPED_WIDTH = 160
_MOST_OF_A_KIND = 10
# File names may hold bytes that are no text, and characters that steer a terminal.
_STEERING = {code: f"\\x{code:02x}" for code in (*range(32), 127) if chr(code) not in "\t\n"}


@dataclass(frozen=True)
class Remark:
    """Something said about one of many inputs.

    Attributes:
        code: stable word for its kind.
        about: the input, as it is shown.
        text: one sentence.
    """

    code: str
    about: str
    text: str


def printable(text: str) -> str:
    """Return a text in characters that every UTF-8 terminal shows and none obeys."""
    shown = text.translate(_STEERING)
    return shown.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def notice(text: str) -> None:
    """Print a remark to stderr, where it never disturbs a result."""
    print(printable(text), file=sys.stderr)


def print_text(text: str) -> None:
    """Print a line of the result."""
    print(printable(text))


def print_json(document: Any) -> None:
    """Print the one JSON document of a `--json` run. NaN and infinity are refused."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # Bytes of a file name that are no text become escapes, from which JSON makes them again.
    print(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def print_remarks(remarks: Sequence[Remark]) -> None:
    """Print remarks by kind: what was said of many inputs is one line with the first of them."""
    kinds: dict[str, dict[str, list[Remark]]] = {}
    for remark in remarks:
        kinds.setdefault(remark.code, {}).setdefault(remark.text, []).append(remark)
    for code, alike in sorted(kinds.items()):
        for text, same in list(alike.items())[:_MOST_OF_A_KIND]:
            first = same[0].about
            many = f"{len(same)} x {code}: {text} (first: {first})"
            print_text(many if len(same) > 1 else f"{code}: {first}: {text}")
        rest = sum(len(same) for same in list(alike.values())[_MOST_OF_A_KIND:])
        if rest:
            print_text(f"{rest} x {code} more; --json gives all of them")


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    width: int = _PIPED_WIDTH,
) -> None:
    """Print a table to stdout; numbers are set to the right, all columns are kept when piped.

    Args:
        title: above the table.
        columns: names.
        rows: one value for each column; None is shown as a dash.
        width: in characters, where stdout is no terminal.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else width)
    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    numeric = [
        bool(rows) and all(isinstance(row[i], (int, float)) for row in rows)
        for i in range(len(columns))
    ]
    for name, is_number in zip(columns, numeric, strict=True):
        grid.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    console.print(grid, markup=False)


def _cell(value: object) -> Any:
    from rich.text import Text

    if isinstance(value, float):
        return Text(f"{value:.3f}")
    return Text("-" if value is None else printable(str(value)))


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[], None]]:
    """Show progress on stderr: a bar on a terminal, a plain line now and then when piped.

    Yields:
        a function to call once per finished item.
    """
    if sys.stderr.isatty():
        with _bar(description, total) as advance:
            yield advance
        return
    done = 0
    marks = deque([(time.monotonic(), 0)], maxlen=_LINES_OF_PACE)

    def advance_plain() -> None:
        nonlocal done
        done += 1
        now = time.monotonic()
        if now - marks[-1][0] >= _SECONDS_BETWEEN_LINES:
            left = (total - done) * (now - marks[0][0]) / (done - marks[0][1])
            marks.append((now, done))
            notice(f"{description}: {done} of {total}{_time_left(left)}")

    yield advance_plain


def _time_left(seconds: float) -> str:
    if seconds <= 0:
        return ""
    if seconds < 100:
        return f", about {seconds:.0f} s left"
    return f", about {seconds / 60:.0f} min left"


@contextmanager
def _bar(description: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(description, total=total)
        yield lambda: bars.advance(task)
