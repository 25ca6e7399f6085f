"""Prepared scans on disk, so that a second run need not read and prepare them again.

MONAI's PersistentDataset would do this with `torch.save`, which is a pickle; so this is our own.

An entry is found by what it was made from: the bytes of the scan's files, the recipe, and the
code and libraries that read and prepare. It is written whole (temporary file, rename), so a kill
or a second process never leaves half of one, and it carries its own checksum: a damaged entry
counts as absent. Entries hold pixels of patients: the folder is made readable for its owner only.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache as once
from importlib.metadata import version
from pathlib import Path

import torch
from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

import medsiam.preprocessing
import medsiam.scans
from medsiam._version import __version__
from medsiam.errors import OutputError
from medsiam.writing import write_atomically

_LIBRARIES = ("monai", "torch", "numpy", "nibabel", "pydicom", "pillow")
_BLOCK = 2**20  # bytes


def cache_folder() -> Path:
    """Return the folder: MEDSIAM_CACHE, else `medsiam` in the user's XDG cache folder."""
    chosen = os.environ.get("MEDSIAM_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medsiam"


class TensorCache:
    """Tensors with a few words about each, by key."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (cache_folder() if folder is None else folder) / "prepared"

    def key(self, path: Path, *records: BaseModel) -> str:
        """Return the key of what these records make of a file or folder.

        Args:
            path: read as a whole; of a folder all files below, with their names.
            records: recipe and the like.

        Raises:
            OSError: a file that cannot be read.
        """
        digest = hashlib.sha256(_makers().encode())
        for record in records:
            digest.update(f"{type(record).__name__} {record.model_dump_json()}\n".encode())
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            digest.update(
                f"{file.relative_to(path)} {_file_hash(file)}\n".encode("utf-8", "replace")
            )
        return digest.hexdigest()

    def get(self, key: str) -> tuple[torch.Tensor, str] | None:
        """Return the tensor and its note; None where there is none or it is damaged."""
        try:
            with safe_open(self._path(key), framework="pt") as entry:
                tensor: torch.Tensor = entry.get_tensor("prepared")
                said = entry.metadata() or {}
        except (OSError, SafetensorError, ValueError):
            return None
        return (tensor, said["note"]) if said.get("sha256") == _tensor_hash(tensor) else None

    def put(self, key: str, tensor: torch.Tensor, note: str) -> bool:
        """Keep a tensor; return False where the folder cannot be written, which harms nothing."""
        said = {"sha256": _tensor_hash(tensor), "note": note}
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._path(key), save_tensors({"prepared": tensor}, said))
        except (OSError, OutputError):
            return False
        return True

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"


@once
def _makers() -> str:
    """What reads and prepares: our own source text and the libraries beneath it."""
    digest = hashlib.sha256()
    for package in (medsiam.scans, medsiam.preprocessing):
        folder = Path(package.__path__[0])
        for source in sorted(folder.rglob("*.py")):
            digest.update(f"{source.relative_to(folder)} {_file_hash(source)}\n".encode())
    libraries = {name: version(name) for name in _LIBRARIES}
    return json.dumps({"medsiam": __version__, "code": digest.hexdigest(), **libraries})


def _file_hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _tensor_hash(tensor: torch.Tensor) -> str:
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
