"""Embed the rows of a case table: order kept, faulty rows reported and left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from medsiam.cases import CaseRow
from medsiam.encoders.encoder import Encoder
from medsiam.encoders.pixels import pixel_vector
from medsiam.errors import EncoderError, MedsiamError, ScanError, UsageError
from medsiam.preprocessing.transform import prepare
from medsiam.scans.read import read_scan
from medsiam.scans.scan import Scan

Measure = Callable[[Scan], torch.Tensor]

_READERS = 1  # reads and prepares while the network works; two would wait for each other


@dataclass(frozen=True)
class RowFailure:
    """A row that could not be embedded.

    Attributes:
        row: line of the case table.
        path: as written in the table.
        code: kind of fault, such as `not_finite`; `mismatch` for a scan of the other dimension.
        message: what happened and what to do.
    """

    row: int
    path: str
    code: str
    message: str


@dataclass(frozen=True, eq=False)
class TableEmbeddings:
    """What came of the rows of a case table.

    Attributes:
        paths: of the embedded rows, in their order, as written in the table.
        embeddings: (n, d), same order.
        failures: the other rows, in their order.
    """

    paths: tuple[str, ...]
    embeddings: NDArray[np.float32]
    failures: tuple[RowFailure, ...]


def embed_case_rows(
    rows: Iterable[CaseRow],
    encoder: Encoder | Measure | None,
    *,
    batch_size: int = 16,
    advance: Callable[[], None] | None = None,
) -> TableEmbeddings:
    """Read, prepare and embed the scans of a case table.

    Args:
        rows: of the table.
        encoder: an encoder, or a function from a scan to a vector; None for the pixel baseline.
        batch_size: scans per pass; about twice as many are held in memory.
        advance: called once per finished row.

    Returns:
        paths, embeddings and failures; an unreadable row never stops the others.
    """
    if batch_size < 1:
        raise UsageError(f"batch_size must be at least 1, got {batch_size}")
    encoder = encoder or pixel_vector
    paths: list[str] = []
    parts: list[NDArray[np.float32]] = []
    failures: list[RowFailure] = []
    members: list[CaseRow] = []
    batch: list[torch.Tensor] = []
    shape: torch.Size | None = None
    for row, tensor in _loaded(rows, encoder, ahead=2 * batch_size):
        if isinstance(tensor, torch.Tensor) and tensor.shape != (shape := shape or tensor.shape):
            tensor = RowFailure(
                row.row,
                row.path_text,
                "mismatch",
                f"{row.path_text}: the table mixes 2D and 3D; give each a table of its own",
            )
        if isinstance(tensor, RowFailure):
            failures.append(tensor)
        else:
            batch.append(tensor)
            members.append(row)
        if len(batch) == batch_size:
            _embed(members, batch, encoder, (paths, parts, failures))
            members, batch = [], []
        if advance is not None:
            advance()
    if batch:
        _embed(members, batch, encoder, (paths, parts, failures))
    failures.sort(key=lambda failure: failure.row)
    dim = encoder.embedding_dim if isinstance(encoder, Encoder) else 0
    empty = np.empty((0, dim), np.float32)
    return TableEmbeddings(tuple(paths), np.concatenate(parts) if parts else empty, tuple(failures))


def _loaded(
    rows: Iterable[CaseRow], encoder: Encoder | Measure, *, ahead: int
) -> Iterator[tuple[CaseRow, torch.Tensor | RowFailure]]:
    """Yield each row with its tensor, in order, while the next ones are read."""
    waiting: deque[tuple[CaseRow, Future[torch.Tensor | RowFailure]]] = deque()
    with ThreadPoolExecutor(_READERS, thread_name_prefix="medsiam-read") as pool:
        for row in rows:
            waiting.append((row, pool.submit(_load, row, encoder)))
            if len(waiting) >= ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()


def _load(row: CaseRow, encoder: Encoder | Measure) -> torch.Tensor | RowFailure:
    try:
        scan = read_scan(row.path)
        return prepare(scan, encoder.recipe) if isinstance(encoder, Encoder) else encoder(scan)
    except ScanError as error:
        return RowFailure(row.row, row.path_text, error.code, str(error))
    except MedsiamError as error:
        return RowFailure(row.row, row.path_text, "mismatch", str(error))


def _embed(
    rows: list[CaseRow],
    batch: list[torch.Tensor],
    encoder: Encoder | Measure,
    found: tuple[list[str], list[NDArray[np.float32]], list[RowFailure]],
) -> None:
    """Embed a batch; where it fails, scan by scan, so that one of them costs only itself."""
    paths, parts, failures = found
    if not isinstance(encoder, Encoder):
        paths += [row.path_text for row in rows]
        parts.append(torch.stack(batch).numpy())
        return
    try:
        parts.append(encoder.embed_tensors(torch.stack(batch)))
        paths += [row.path_text for row in rows]
    except EncoderError as error:
        if len(batch) == 1:
            message = f"{rows[0].path_text}: no finite embedding ({error})"
            failures.append(RowFailure(rows[0].row, rows[0].path_text, "not_finite", message))
            return
        for row, tensor in zip(rows, batch, strict=True):
            _embed([row], [tensor], encoder, found)
