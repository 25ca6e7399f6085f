"""How far a runtime's embeddings are from torch's, in the terms of what they are for."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from medsiam.cases import CaseRow
from medsiam.encoders.encoder import Encoder
from medsiam.encoders.exported import RuntimeParity
from medsiam.encoders.openvino_package import core, has_bf16, openvino_version
from medsiam.encoders.runtimes import RuntimeName
from medsiam.encoders.table import TableEmbeddings, embed_case_rows
from medsiam.errors import EncoderError, UsageError


def measurable_runtimes() -> tuple[RuntimeName, ...]:
    """Return those that this machine has besides torch."""
    if openvino_version() is None:
        return ()
    return ("openvino", "openvino-bf16") if has_bf16() else ("openvino",)


def measure_parity(
    rows: Sequence[CaseRow],
    encoder: Encoder,
    *,
    measured_on: str,
    advance: Callable[[], None] | None = None,
) -> tuple[RuntimeParity, ...]:
    """Embed the scans of a table by torch and by every other runtime that this machine has.

    Args:
        rows: of the table; a scan that cannot be read is left out.
        encoder: with its graph.
        measured_on: name of the table.
        advance: called once per scan and runtime.

    Raises:
        EncoderError: a runtime that gives NaN or infinite values where torch does not.
        UsageError: fewer than two patients, groups or cases with a scan that can be embedded.
    """
    plain = embed_case_rows(rows, encoder.on("torch"), advance=advance)
    failed = {failure.row for failure in plain.failures}
    subjects = [row.subject for row in rows if row.row not in failed]
    if len(set(subjects)) < 2:
        raise UsageError(
            f"{measured_on}: scans of two patients are needed to measure runtimes, and only "
            f"{len(set(subjects))} can be embedded"
        )
    return tuple(
        _parity(
            name,
            plain,
            embed_case_rows(rows, encoder.on(name), advance=advance),
            subjects,
            measured_on,
        )
        for name in measurable_runtimes()
    )


def _parity(
    runtime: RuntimeName,
    plain: TableEmbeddings,
    other: TableEmbeddings,
    subjects: Sequence[str],
    measured_on: str,
) -> RuntimeParity:
    if other.paths != plain.paths:
        raise EncoderError(f"{runtime} gives no finite embedding where torch does: it is no use")
    same, drift = compare_embeddings(plain.embeddings, other.embeddings, subjects)
    return RuntimeParity(
        runtime=runtime,
        n_scans=len(plain.paths),
        same_neighbour=same,
        drift=drift,
        measured_on=measured_on,
        openvino=openvino_version() or "",
        processor=_processor(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def compare_embeddings(
    plain: NDArray[np.float32], other: NDArray[np.float32], subjects: ArrayLike
) -> tuple[float, float]:
    """Compare two embeddings of the same scans.

    Args:
        plain: (n, d), of the reference.
        other: (n, d), of what is measured.
        subjects: (n,) whose scan it is; a neighbour is a scan of somebody else.

    Returns:
        the share of scans whose nearest neighbour among `plain` is the same for both, and the
        largest Euclidean distance between both embeddings of a scan as a share of the median
        distance between scans of two subjects.
    """
    names = np.asarray(subjects)
    own = names[:, None] == names[None, :]
    a, b = (torch.from_numpy(x.astype(np.float64)) for x in (plain, other))
    among, across = (torch.cdist(x, a).numpy() for x in (a, b))
    typical = float(np.median(among[~own]))
    nearest = [np.where(own, np.inf, found).argmin(axis=1) for found in (among, across)]
    moved = torch.linalg.vector_norm(a - b, dim=1)
    return float(np.mean(nearest[0] == nearest[1])), float(moved.max() / max(typical, 1e-12))


def _processor() -> str:
    name = core().get_property("CPU", "FULL_DEVICE_NAME")
    return f"{name} ({platform.machine()})"
