"""Embeddings on disk: an .npz with `paths` and `embeddings`, and no pickle inside."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsiam.errors import MedsiamError, UsageError
from medsiam.writing import write_atomically


def save_embeddings(
    path: Path | str, paths: Sequence[str], embeddings: NDArray[np.float32]
) -> None:
    """Write embeddings, whole or not at all.

    Args:
        path: the file to write, taken as it is named.
        paths: n strings, as in the case table.
        embeddings: (n, d).

    Raises:
        UsageError: numbers of paths and embeddings that differ, or values that are not finite.
        OutputError: a file that cannot be written.
    """
    values = np.ascontiguousarray(embeddings, dtype=np.float32)
    fault = _fault(np.array(list(paths), dtype=str), values)
    if fault:
        raise UsageError(f"cannot save embeddings: {fault}")
    buffer = io.BytesIO()
    np.savez(buffer, paths=np.array(list(paths), dtype=str), embeddings=values)
    write_atomically(path, buffer.getvalue())


def load_embeddings(path: Path | str) -> tuple[list[str], NDArray[np.float32]]:
    """Read what `save_embeddings` wrote.

    Returns:
        n paths and (n, d) float32.

    Raises:
        MedsiamError: no such file, no .npz, an array missing or of another kind.
    """
    source = Path(path)
    try:
        with source.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            paths, embeddings = archive["paths"], archive["embeddings"]
    except FileNotFoundError:
        raise MedsiamError(f"embeddings {source}: there is no such file") from None
    except KeyError as error:
        raise MedsiamError(
            f"embeddings {source}: the arrays paths and embeddings are not both in it; "
            "`medsiam embed` writes them"
        ) from error
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise MedsiamError(
            f"embeddings {source}: not an .npz file as `medsiam embed` writes it, or a damaged one"
        ) from error
    fault = _fault(paths, embeddings)
    if fault:
        raise MedsiamError(f"embeddings {source}: {fault}; write the file again")
    return [str(text) for text in paths], embeddings


def _fault(paths: NDArray[np.str_], embeddings: NDArray[np.float32]) -> str | None:
    if paths.ndim != 1 or paths.dtype.kind != "U":
        return f"paths must be (n,) strings, got {paths.shape} {paths.dtype}"
    if embeddings.ndim != 2 or embeddings.dtype != np.float32:
        return f"embeddings must be (n, d) float32, got {embeddings.shape} {embeddings.dtype}"
    if len(paths) != len(embeddings):
        return f"{len(paths)} paths for {len(embeddings)} embeddings"
    if not np.isfinite(embeddings).all():
        return "embeddings hold NaN or infinite values"
    return None
