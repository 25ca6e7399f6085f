"""A similarity map as NIfTI, to be laid over its scan in any viewer."""

from __future__ import annotations

import gzip
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from medsiam.errors import UsageError
from medsiam.scans.scan import Scan


def map_nifti(scan: Scan, values: NDArray[np.floating]) -> bytes:
    """Write a map with the geometry of its scan, and nothing else of it.

    Where the scan's position is unknown the file has none either, and its description says so. An
    image has one slice.

    Args:
        scan: the map's scan.
        values: on its spatial grid, see `SimilarityMap`.

    Returns:
        the bytes of a .nii.gz file; the same map gives the same bytes.

    Raises:
        UsageError: values of another shape.
    """
    if values.shape != scan.spatial_shape:
        raise UsageError(
            f"a map of shape {values.shape} does not fit a scan of {scan.spatial_shape}"
        )
    folded = np.asarray(values, np.float32).reshape(*values.shape[:2], -1)
    image: Any = nibabel.Nifti1Image(folded, None)
    if scan.spacing is not None:
        image.header.set_zooms((*scan.spacing, 1.0)[:3])
        image.header.set_xyzt_units("mm")
    if scan.affine is not None:
        image.set_sform(scan.affine, code="scanner")
    place = "" if scan.affine is not None else "; position unknown"
    # At most 79 characters.
    image.header["descrip"] = f"medsiam similarity map{place}; research use only, no medical device"
    return gzip.compress(image.to_bytes(), mtime=0)
