"""What a person sees while a run trains: on stderr, so that results on stdout stay clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Display:
    """Lines, and on a terminal a bar with the time left; nothing at all where switched off."""

    def __init__(self, *, enabled: bool) -> None:
        self._console = Console(stderr=True, quiet=not enabled)

    def say(self, text: str) -> None:
        """Print one line (above a running bar)."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def bar(self, description: str, total: int, *, done: int = 0) -> Iterator[Callable[[], None]]:
        """Show a bar while the block runs.

        Args:
            description: beside the bar.
            total: items.
            done: items finished before.

        Yields:
            a function to call once per finished item.
        """
        bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=self._console.quiet or not self._console.is_terminal,
        )
        with bars:
            task = bars.add_task(description, total=total, completed=done)
            yield lambda: bars.advance(task)
