"""Every scan read and prepared once and kept in memory, so that an epoch waits for the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from monai.data.meta_obj import get_track_meta, set_track_meta
from numpy.typing import NDArray

from medsiam.cases import CaseRow
from medsiam.errors import CaseTableError, EncoderMismatchError, ScanError
from medsiam.preprocessing import Recipe, prepare
from medsiam.scans import read_scan


@dataclass(frozen=True, eq=False)
class PreparedScans:
    """Rows with what the network sees of them.

    Attributes:
        rows: n rows.
        tensors: (n, channels, *spatial_size) float32.
        content_hashes: sha256 of each scan as read.
    """

    rows: tuple[CaseRow, ...]
    tensors: torch.Tensor
    content_hashes: tuple[str, ...]

    @property
    def conditions(self) -> list[str]:
        """Condition of each row."""
        return [row.condition for row in self.rows]

    @property
    def subjects(self) -> list[str]:
        """Subject of each row; for comparing only, never for print."""
        return [row.subject for row in self.rows]

    @property
    def megabytes(self) -> float:
        """Memory the tensors take, in MB."""
        return self.tensors.numel() * self.tensors.element_size() / 1e6

    def batch(
        self, positions: NDArray[np.int64], augment: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """(len(positions), channels, *spatial_size): these scans, each through `augment`."""
        with _plain_tensors():
            return torch.stack([augment(self.tensors[int(i)]) for i in positions])


@contextmanager
def _plain_tensors() -> Iterator[None]:
    """MONAI without its record of every step, which costs more than the steps on small images."""
    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)


def prepare_rows(
    rows: Sequence[CaseRow], recipe: Recipe, *, advance: Callable[[], None]
) -> PreparedScans:
    """Read and prepare every row.

    Args:
        rows: at least one.
        recipe: from scan to tensor.
        advance: called after each row.

    Raises:
        CaseTableError: lists every row that cannot be read or prepared.
    """
    tensors: list[torch.Tensor] = []
    hashes: list[str] = []
    faults: list[str] = []
    for row in rows:
        try:
            scan = read_scan(row.path)
            tensors.append(prepare(scan, recipe))
            hashes.append(scan.content_hash)
        except (ScanError, EncoderMismatchError) as error:
            faults.append(f"line {row.row}: {error}")
        advance()
    if faults:
        raise CaseTableError(
            f"{len(faults)} of {len(rows)} scans cannot be used; mend them or leave their lines "
            "out: " + "; ".join(faults)
        )
    return PreparedScans(tuple(rows), torch.stack(tensors), tuple(hashes))


def data_hash(parts: Sequence[PreparedScans]) -> str:
    """sha256 over content, condition and order of the scans of all parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"part of {len(part.rows)}\n".encode())
        for row, content in zip(part.rows, part.content_hashes, strict=True):
            digest.update(f"{content} {row.condition}\n".encode())
    return digest.hexdigest()
