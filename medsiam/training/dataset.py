"""Every scan read and prepared once and kept in memory, so that an epoch waits for the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from medsiam.cases import CaseRow
from medsiam.errors import CaseTableError, EncoderMismatchError, ScanError
from medsiam.preprocessing import Recipe, prepare_placed, thin_axes
from medsiam.scans import read_scan
from medsiam.training.cache import TensorCache

_SHOWN = 5  # scans named in a warning


@dataclass(frozen=True, eq=False)
class PreparedScans:
    """Rows with what the network sees of them.

    Attributes:
        rows: n rows.
        tensors: (n, channels, *spatial_size) float32.
        content_hashes: sha256 of each scan as read.
        remarks: of each scan, about values that had to be replaced and axes that are thin; "":
            none. Empty: of no scan.
    """

    rows: tuple[CaseRow, ...]
    tensors: torch.Tensor
    content_hashes: tuple[str, ...]
    remarks: tuple[str, ...] = ()

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


def prepare_rows(
    rows: Sequence[CaseRow], recipe: Recipe, *, advance: Callable[[], None]
) -> PreparedScans:
    """Read and prepare every row, or take what an earlier run prepared (see `TensorCache`).

    Args:
        rows: at least one.
        recipe: from scan to tensor.
        advance: called after each row.

    Raises:
        CaseTableError: lists every row that cannot be read or prepared.
    """
    tensors: list[torch.Tensor] = []
    hashes: list[str] = []
    remarks: list[str] = []
    faults: list[str] = []
    cache = TensorCache()
    for row in rows:
        try:
            tensor, content, remark = _prepared(row.path, recipe, cache)
            tensors.append(tensor)
            hashes.append(content)
            remarks.append(remark)
        except (ScanError, EncoderMismatchError) as error:
            faults.append(f"line {row.row}: {error}")
        advance()
    if faults:
        raise CaseTableError(
            f"{len(faults)} of {len(rows)} scans cannot be used; mend them or leave their lines "
            "out: " + "; ".join(faults)
        )
    return PreparedScans(tuple(rows), torch.stack(tensors), tuple(hashes), tuple(remarks))


def _prepared(path: Path, recipe: Recipe, cache: TensorCache) -> tuple[torch.Tensor, str, str]:
    """Return a scan's tensor, the hash of its content as read, and a remark or nothing."""
    try:
        key = cache.key(path, recipe)
    except OSError:  # the reader has better words for it
        key = None
    kept = cache.get(key) if key is not None else None
    if kept is not None:
        return *kept, ""
    scan = read_scan(path)
    placed, to_tensor = prepare_placed(scan, recipe)
    tensor, content = placed.as_tensor().contiguous(), scan.content_hash
    odd = [str(s) for s in scan.warnings if getattr(s, "code", "") == "values_replaced"]
    odd += filter(None, [thin_axes(scan, recipe, to_tensor)])
    if key is not None and not odd:  # else a second run could not say it again
        cache.put(key, tensor, content)
    return tensor, content, "; ".join(odd)


def told_remarks(parts: Mapping[str, PreparedScans]) -> tuple[str, ...]:
    """One sentence about all scans that have a remark, or nothing."""
    found = [
        f"line {row.row} ({row.path_text}): {remark}"
        for scans in parts.values()
        for row, remark in zip(scans.rows, scans.remarks, strict=False)
        if remark
    ]
    if not found:
        return ()
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    listed = "; ".join(found[:_SHOWN] + more)
    return (f"odd scans ({len(found)}), check how they were made: {listed}",)


def prepare_parts(
    rows: Mapping[str, Sequence[CaseRow]], recipe: Recipe, *, advance: Callable[[], None]
) -> dict[str, PreparedScans]:
    """Prepare the rows of several parts; arguments and errors as of `prepare_rows`."""
    whole = prepare_rows([row for part in rows.values() for row in part], recipe, advance=advance)
    parts, start = {}, 0
    for name, part in rows.items():
        own = slice(start, start + len(part))
        parts[name] = PreparedScans(
            whole.rows[own], whole.tensors[own], whole.content_hashes[own], whole.remarks[own]
        )
        start += len(part)
    return parts
