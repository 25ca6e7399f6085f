"""One number for an encoder: the same weights, recipe and architecture give the same number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from pydantic import BaseModel

from medsiam.encoders.card import Architecture
from medsiam.preprocessing.recipe import Recipe


def fingerprint(
    tensors: Mapping[str, torch.Tensor], architecture: Architecture, recipe: Recipe
) -> str:
    """Return sha256 over the tensors, sorted by name, and over recipe and architecture.

    Of each tensor: name, dtype, shape and bytes (little-endian). Of the records: JSON with sorted
    keys and without fields at their default, so that a field added in a later version leaves the
    fingerprints of older encoders as they are.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name}|{array.dtype.name}|{array.shape}|".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    for record in (recipe, architecture):
        digest.update(_canonical(record))
    return digest.hexdigest()


def _canonical(record: BaseModel) -> bytes:
    fields = record.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
