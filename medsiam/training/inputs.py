"""What a run was begun with, as hashes: a run that goes on must find the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from medsiam.cases import CaseRow
from medsiam.errors import CaseTableError
from medsiam.training.dataset import PreparedScans


@dataclass(frozen=True)
class Inputs:
    """Everything from outside that the weights depend on, beside the configuration.

    Attributes:
        data_sha256: content, condition and order of the scans of all parts.
        masks_sha256: content and order of their masks; None where none are learned from.
        start_sha256: weights before training; None where they are random (the seed says them).
    """

    data_sha256: str
    masks_sha256: str | None = None
    start_sha256: str | None = None


# What a person would call them.
NAMES = {
    "data_sha256": "the scans, their conditions or the split",
    "masks_sha256": "the masks",
    "start_sha256": "the start weights",
}


def data_hash(parts: Sequence[PreparedScans]) -> str:
    """sha256 over content, condition and order of the scans of all parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"part of {len(part.rows)}\n".encode())
        for row, content in zip(part.rows, part.content_hashes, strict=True):
            digest.update(f"{content} {row.condition}\n".encode())
    return digest.hexdigest()


def masks_hash(rows: Sequence[CaseRow]) -> str:
    """sha256 over the bytes of the rows' mask files, in order.

    Raises:
        CaseTableError: a row without a mask, or one that cannot be read.
    """
    digest = hashlib.sha256()
    for row in rows:
        if row.mask_path is None:
            raise CaseTableError(f"line {row.row}: {row.path_text} has no mask_path")
        try:
            with row.mask_path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise CaseTableError(
                f"line {row.row}: the mask {row.mask_path.name} cannot be read ({error.strerror})"
            ) from error
    return digest.hexdigest()


def weights_hash(weights: Mapping[str, torch.Tensor]) -> str:
    """sha256 over names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()
