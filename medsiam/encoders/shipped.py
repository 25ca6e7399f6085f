"""Encoders that come with medsiam, by name."""

from __future__ import annotations

from pathlib import Path

SHIPPED = ("default-2d", "default-3d", "cardiac-cine", "shape-3d")
IMAGENET_LITE0 = Path(__file__).parent / "weights" / "imagenet-lite0.safetensors"


def encoder_folder(name: Path | str) -> Path:
    """Return the folder of an encoder: a shipped one by its name, any other by its path.

    A folder of the same name in the working directory is meant by "./default-2d".
    """
    if str(name) in SHIPPED:
        return Path(__file__).parent / "weights" / name
    return Path(name)
