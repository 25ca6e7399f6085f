"""Write a phantom as NIfTI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from medsiam.phantoms.phantom import Phantom

DESCRIPTION = "SYNTHETIC medsiam phantom"


def write_nifti(phantom: Phantom, path: Path | str) -> Path:
    """Write `phantom` to `path` (.nii or .nii.gz) with whole numbers and its true geometry.

    A radiograph has no position in the patient, so both form codes stay 0 and only the voxel size
    is written.

    Returns:
        The path written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    dtype = np.int16 if phantom.spatial_dims == 3 else np.uint16
    array = phantom.array.astype(dtype)
    image: Any = nibabel.Nifti1Image(array, phantom.affine)
    if phantom.affine is None:
        image.header.set_zooms(phantom.spacing)
    else:
        image.set_qform(phantom.affine, code="scanner")
        image.set_sform(phantom.affine, code="scanner")
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = DESCRIPTION
    nibabel.save(image, path)
    return path
