"""A scan with parts of it blurred out, to see what an encoder makes of the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from medsiam.preprocessing.blur import NEUTRAL_BLUR, blurred
from medsiam.preprocessing.recipe import Recipe
from medsiam.preprocessing.restore import field_of_view
from medsiam.preprocessing.transform import prepare_placed
from medsiam.scans.scan import Scan


@dataclass(frozen=True, eq=False)
class BlurredOut:
    """A scan beside its blurred self.

    A blurred region keeps the greys of its surroundings: unlike a black or even patch it adds no
    edge and no value that the scan does not have.

    Attributes:
        scan: as it is.
        array: its values blurred by `NEUTRAL_BLUR` of the encoder's field of view.
        seen: bool, spatial: the encoder's field of view.
    """

    scan: Scan
    array: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def without(self, region: NDArray[np.bool_]) -> Scan:
        """The scan with `region` (bool, spatial) replaced by the blurred values."""
        chosen = region if self.scan.array.ndim == region.ndim else region[..., None]
        return replace(self.scan, array=np.where(chosen, self.array, self.scan.array))


def blur_out(scan: Scan, recipe: Recipe) -> BlurredOut:
    """Prepare for blurring out parts of a scan, on the scan's own voxels.

    Raises:
        EncoderMismatchError, ScanError: see `prepare`.
    """
    tensor, to_tensor = prepare_placed(scan, recipe)
    seen = field_of_view(tensor.shape[1:], to_tensor, scan.spatial_shape)
    sizes = [extent.stop - extent.start for extent in bounds(seen)]
    values = scan.array.reshape(*scan.spatial_shape, -1)
    image = torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, -1, 0)))[None]
    soft = blurred(image, NEUTRAL_BLUR, sizes=sizes)[0].numpy()
    array = np.moveaxis(soft, 0, -1).reshape(scan.array.shape)
    return BlurredOut(scan, np.ascontiguousarray(array, dtype=np.float32), seen)


def bounds(region: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box around a region that is not empty."""
    found = []
    for axis in range(region.ndim):
        others = tuple(other for other in range(region.ndim) if other != axis)
        hit = np.flatnonzero(region.any(axis=others))
        found.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(found)
