"""Kept reference scans: one gzipped NIfTI per scan, named after its content.

The file holds the values, without loss, and for viewers the geometry as NIfTI can say it. The
exact geometry and the other facts are in the database, so that a scan comes back as it went in.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from medsiam.bank.store import ScanFacts
from medsiam.errors import BankError, ScanError
from medsiam.scans import read_scan
from medsiam.scans.scan import Scan
from medsiam.writing import write_atomically

READ_ON_OPENING = 1 << 30  # bytes; about a second
_INT16 = np.iinfo(np.int16)


def scan_path(folder: Path, content_hash: str) -> Path:
    """Return where a scan of this content is kept."""
    return folder / f"{content_hash}.nii.gz"


def write_scan(scan: Scan, folder: Path) -> str:
    """Keep the scan's values and geometry, atomically; nothing of its header goes along.

    Returns:
        sha256 of the file: of the one that is there already, where it is whole.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = scan_path(folder, scan.content_hash)
    if path.exists() and _is_whole(ScanFacts.of(scan), folder):
        return _digest(path)
    # No name and no time in the gzip header: the same scan gives the same bytes anywhere.
    content = gzip.compress(_nifti(scan).to_bytes(), compresslevel=1, mtime=0)
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def _is_whole(facts: ScanFacts, folder: Path) -> bool:
    try:
        read_kept_scan(facts, folder, case_id="left by an earlier one")
    except BankError:
        return False
    return True


def check_kept_scans(kept: Iterable[tuple[str, ScanFacts]], folder: Path) -> None:
    """Hold kept files against their checksums, without reading them as scans.

    Files beyond the first GiB are only looked for, so that a bank of large volumes opens quickly;
    a scan is held against its content in any case when it is read.

    Args:
        kept: case_id and facts of each scan.
        folder: of the files.

    Raises:
        BankError: a file is missing or damaged; the case is named.
    """
    n_bytes = 0
    for case_id, facts in kept:
        path = scan_path(folder, facts.content_hash)
        try:
            n_bytes += path.stat().st_size
            damaged = (
                facts.kept_digest is not None  # which a bank of form 1 has not
                and n_bytes <= READ_ON_OPENING
                and _digest(path) != facts.kept_digest
            )
        except FileNotFoundError as error:
            raise _missing(case_id, path) from error
        except OSError as error:
            raise BankError(
                f"case {case_id}: its kept scan {path} cannot be read: {error.strerror}"
            ) from error
        if damaged:
            raise _damaged(case_id, path)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_kept_scan(facts: ScanFacts, folder: Path, *, case_id: str) -> Scan:
    """Return the scan as it was kept, its patient and study left out.

    Raises:
        BankError: the file is missing, damaged or not what was kept.
    """
    path = scan_path(folder, facts.content_hash)
    if not path.is_file():
        raise _missing(case_id, path)
    try:
        values = read_scan(path).array.reshape(facts.shape)
        scan = Scan(
            array=values,
            spatial_dims=facts.spatial_dims,
            affine=None if facts.affine is None else np.reshape(facts.affine, (4, 4)),
            spacing=facts.spacing,
            modality=facts.modality,
            body_part=facts.body_part,
            sources=(path,),
            window=facts.window,
            photometric=facts.photometric,
        )
    except (ScanError, ValueError) as error:
        raise _damaged(case_id, path) from error
    if scan.content_hash != facts.content_hash:
        raise _damaged(case_id, path)
    return scan


def _missing(case_id: str, path: Path) -> BankError:
    return BankError(
        f"case {case_id}: its kept scan {path} is missing; restore it from a copy of the bank"
    )


def _damaged(case_id: str, path: Path) -> BankError:
    return BankError(
        f"case {case_id}: its kept scan {path} is damaged; restore it from a copy of the bank"
    )


def _nifti(scan: Scan) -> Any:
    """Return a NIfTI image; colours and the missing third axis of an image are folded into it."""
    values = _without_loss(scan.array)
    folded = values.reshape(*values.shape[:2], -1)
    image: Any = nibabel.Nifti1Image(folded, None)
    if scan.spacing is not None:
        image.header.set_zooms((*scan.spacing, 1.0)[:3])
        image.header.set_xyzt_units("mm")
    if scan.affine is not None:
        image.set_sform(scan.affine, code="scanner")
    return image


def _without_loss(array: NDArray[np.float32]) -> NDArray[Any]:
    """Return int16 where every bit comes back from it, else the float32 values themselves."""
    if not np.isfinite(array).all() or array.min() < _INT16.min or array.max() > _INT16.max:
        return array
    small = array.astype(np.int16)
    # Compared as bits: -0.0 would come back as 0.0, another content.
    same = np.array_equal(small.astype(np.float32).view(np.uint32), array.view(np.uint32))
    return small if same else array
