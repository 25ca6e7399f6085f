"""The figures of every epoch for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter


class Board:
    """Takes figures by name; without a writer it takes them to nowhere."""

    def __init__(self, writer: SummaryWriter | None) -> None:
        self._writer = writer

    def add(self, group: str, record: Mapping[str, Any]) -> None:
        """Show the figures of an epoch.

        Args:
            group: what they belong to, such as "training".
            record: `epoch` and figures.
        """
        if self._writer is None:
            return
        for name, value in record.items():
            if name != "epoch":
                self._writer.add_scalar(f"{group}/{name}", value, record["epoch"])


@contextmanager
def open_board(run: Path, *, after_epoch: int, enabled: bool) -> Iterator[Board]:
    """Write to `tensorboard/` of a run folder.

    Args:
        run: the folder.
        after_epoch: what is there of later epochs is forgotten, as a resumed run makes it anew.
        enabled: False in all processes but the first.
    """
    if not enabled:
        yield Board(None)
        return
    purge = after_epoch + 1 if after_epoch else None
    with SummaryWriter(str(run / "tensorboard"), purge_step=purge) as writer:
        yield Board(writer)
