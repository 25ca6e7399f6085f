"""Synthetic studies for the demo and the tests, plainly labelled synthetic in every header.

The one exception is `digits`: real handwriting, which is no medical image and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.phantoms.cases import SYNTHETIC_SOURCE as SYNTHETIC_SOURCE
    from medsiam.phantoms.cases import write_cases as write_cases
    from medsiam.phantoms.dicom import write_dicom as write_dicom
    from medsiam.phantoms.digits import write_digits as write_digits
    from medsiam.phantoms.incoming import write_incoming as write_incoming
    from medsiam.phantoms.lesions import (
        CONDITIONS as CONDITIONS,
    )
    from medsiam.phantoms.lesions import (
        TRAINING_CONDITIONS as TRAINING_CONDITIONS,
    )
    from medsiam.phantoms.lesions import (
        UNSEEN_CONDITIONS as UNSEEN_CONDITIONS,
    )
    from medsiam.phantoms.nifti import write_nifti as write_nifti
    from medsiam.phantoms.phantom import Phantom as Phantom
    from medsiam.phantoms.phantom import make_phantom as make_phantom

__all__ = [
    "CONDITIONS",
    "SYNTHETIC_SOURCE",
    "TRAINING_CONDITIONS",
    "UNSEEN_CONDITIONS",
    "Phantom",
    "make_phantom",
    "write_cases",
    "write_dicom",
    "write_digits",
    "write_incoming",
    "write_nifti",
]
__getattr__ = lazy_names(
    __name__,
    {
        "CONDITIONS": ".lesions",
        "SYNTHETIC_SOURCE": ".cases",
        "TRAINING_CONDITIONS": ".lesions",
        "UNSEEN_CONDITIONS": ".lesions",
        "Phantom": ".phantom",
        "make_phantom": ".phantom",
        "write_cases": ".cases",
        "write_dicom": ".dicom",
        "write_digits": ".digits",
        "write_incoming": ".incoming",
        "write_nifti": ".nifti",
    },
)
