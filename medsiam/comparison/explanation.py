"""Why two scans are close: a map on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.explanation_checks import ExplanationChecks
from medsiam.distances import pairwise_distances
from medsiam.errors import EncoderError
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.encoders import Encoder, SimilarityMap

GRADIENTS = "integrated gradients"
OCCLUSION = "occlusion by patches"
_PATCHES = {2: 8, 3: 5}  # along each axis


@dataclass(frozen=True, eq=False)
class PairedExplanation:
    """Where the similarity of a query and a match comes from.

    Attributes:
        query, match: a map on each scan's own voxels: above 0 where its content speaks for the
            similarity, below 0 where it speaks against it. The sum of a map is what the explained
            similarity loses when that scan's detail is blurred away.
        distance: plain cosine distance of the two embeddings, 0 to 2; lower is closer.
        centred: the maps explain the similarity seen from a centre, what these two
            share beyond it; else the plain one.
        method: how the maps were made.
        checks: what is known of such maps of this encoder; None: not checked.
    """

    query: SimilarityMap
    match: SimilarityMap
    distance: float
    method: str
    centred: bool = False
    checks: ExplanationChecks | None = None

    @property
    def explains(self) -> str:
        """A sentence on what the maps explain."""
        if self.centred:
            return (
                "Explained: what these two share beyond the mean of the bank (cosine similarity "
                "seen from there)."
            )
        return "Explained: the plain cosine similarity of the two."

    @property
    def trust(self) -> str:
        """A sentence on whether such maps were checked."""
        if self.checks is None:
            return (
                "Whether such maps are true to the encoder was not checked on this bank "
                "(medsiam bank calibrate BANK --maps 10 does)."
            )
        return self.checks.sentence


def explain(
    query: Scan,
    match: Scan,
    encoder: Encoder,
    *,
    centre: NDArray[np.floating] | None = None,
    checks: ExplanationChecks | None = None,
) -> PairedExplanation:
    """Mark on both scans where their similarity comes from.

    Args:
        query: the new scan.
        match: a reference scan.
        encoder: that embedded both.
        centre: (embedding_dim,) such as `bank_centre` gives; None: the plain similarity.
        checks: see `check_explanations`; made with the same centre, or with none as here.

    Raises:
        EncoderError: the encoder's maps failed the checks, so that none is shown.
        EncoderMismatchError, ScanError: a scan that the encoder cannot take.
    """
    from medsiam.encoders import similarity_maps

    if checks is not None and not checks.passed:
        raise EncoderError(checks.sentence)
    on_query, on_match = similarity_maps(encoder, query, match, centre=centre)
    return PairedExplanation(
        on_query,
        on_match,
        1 - on_query.similarity,
        GRADIENTS,
        centred=centre is not None,
        checks=checks,
    )


def occlude(query: Scan, match: Scan, encoder: Encoder) -> PairedExplanation:
    """Like `explain`, the slow way: blur one patch after the other and see what it costs.

    It needs no gradient and no knowledge of the network, so it is the measure of other maps. Each
    patch's value is spread evenly over its voxels. Patches do not add up: what two of them show
    alike is missed by neither.

    Raises:
        EncoderMismatchError, ScanError: a scan that the encoder cannot take.
    """
    from medsiam.encoders import SimilarityMap
    from medsiam.preprocessing import blur_out

    both = encoder.embed([query, match])
    distance = float(pairwise_distances(both[:1], both[1:], metric="cosine")[0, 0])
    maps = []
    for scan, goal in ((query, both[1:]), (match, both[:1])):
        plain = blur_out(scan, encoder.recipe)
        values = np.zeros(scan.spatial_shape, np.float32)
        patches = list(_patches(plain.seen))
        found = encoder.embed(plain.without(patch) for patch in patches)
        rises = pairwise_distances(found, goal, metric="cosine")[:, 0] - distance
        for patch, rise in zip(patches, rises, strict=True):
            values[patch] = rise / patch.sum()
        maps.append(SimilarityMap(values, plain.seen, 1 - distance, 1 - distance))
    return PairedExplanation(maps[0], maps[1], distance, OCCLUSION)


def _patches(seen: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Boxes that tile what the encoder sees."""
    from medsiam.preprocessing import bounds

    n_patches = _PATCHES[seen.ndim]
    edges = [
        np.unique(np.linspace(side.start, side.stop, n_patches + 1).round().astype(int))
        for side in bounds(seen)
    ]
    for box in product(*(pairwise(axis) for axis in edges)):
        patch = np.zeros_like(seen)
        patch[tuple(slice(low, high) for low, high in box)] = True
        yield patch
