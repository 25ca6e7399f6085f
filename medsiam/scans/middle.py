"""The middle picture of a series: enough to tell it from others, without reading all of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medsiam.scans.scan import Scan
from medsiam.scans.source import ScanSource


def read_middle(source: ScanSource) -> Scan:
    """Read one picture from the middle of a source.

    Of a series of files only the middle one is read; a volume in one file is read whole.

    Raises:
        ScanError: as in `ScanSource.read`.
    """
    if source.kind == "dicom" and len(source.files) > 1:
        middle = source.files[len(source.files) // 2]
        source = replace(source, path=middle, files=(middle,), part=None, spatial_dims=None)
    scan = source.read()
    if scan.spatial_dims == 2:
        return scan
    index = scan.array.shape[2] // 2
    return replace(
        scan,
        array=np.ascontiguousarray(scan.array[:, :, index]),
        spatial_dims=2,
        spacing=None if scan.spacing is None else scan.spacing[:2],
    )
