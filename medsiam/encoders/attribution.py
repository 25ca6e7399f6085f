"""Where the similarity of two scans comes from: a map on each of them.

Integrated gradients (M. Sundararajan et al. 2017, arXiv:1703.01365) of the cosine similarity of
the two embeddings, taken at the feature maps that the embedding is pooled from, as Grad-CAM does
(R. Selvaraju et al. 2017, arXiv:1610.02391) and, for pairs, A. Stylianou et al. 2019
(arXiv:1901.00536); of an encoder that segments and measures, at its input. The path leads from
the blurred scan to the scan. Views, pooling, whitening and projection are all part of it, so that
the values of a map sum up to what the similarity loses when the detail of that scan is blurred
away. Both images decide: the gradient depends on the other scan.

Embeddings of one kind of scan point in nearly one direction, and most of a similarity is what any
two of them share. Seen from a centre, the mean embedding of such scans, a map shows what these
two share beyond that.

Two passes of two scans through the network, then small steps behind the feature maps only; an
encoder that segments takes every step through its whole network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from medsiam.encoders.card import EncoderCard
from medsiam.encoders.encoder import Encoder, evaluating
from medsiam.encoders.views import VIEWS, VIEWS_BACK
from medsiam.errors import EncoderError
from medsiam.preprocessing.blur import NEUTRAL_BLUR, blurred
from medsiam.preprocessing.restore import field_of_view, to_scan_grid
from medsiam.preprocessing.transform import prepare_placed
from medsiam.scans.scan import Scan

_STEPS = 16  # behind feature maps
_STEPS_THROUGH = 6  # through a whole network
_SMOOTH = 0.06  # of the field of view: a coarse feature map knows no finer place

_Maps = Sequence[Sequence[torch.Tensor]]
_Before = Callable[[torch.Tensor], _Maps]
_Behind = Callable[[_Maps], torch.Tensor]


@dataclass(frozen=True, eq=False)
class SimilarityMap:
    """One scan's part in the similarity to another.

    Attributes:
        values: float32 on the scan's spatial grid; above 0 where the scan's content speaks for the
            similarity, below 0 where it speaks against it.
        seen: bool, same shape: what the encoder looks at; elsewhere the values are 0.
        similarity: cosine similarity of the two embeddings.
        explained: the similarity that the map explains: the same, or seen from a centre the cosine
            of the angle at it, -1 to 1.
    """

    values: NDArray[np.float32]
    seen: NDArray[np.bool_]
    similarity: float
    explained: float

    @property
    def total(self) -> float:
        """Sum of the values: what `explained` loses when the scan's detail is blurred away."""
        return float(self.values.sum(dtype=np.float64))


def similarity_maps(
    encoder: Encoder,
    scan_a: Scan,
    scan_b: Scan,
    *,
    centre: NDArray[np.floating] | None = None,
) -> tuple[SimilarityMap, SimilarityMap]:
    """Explain the cosine similarity of two scans.

    Args:
        encoder: that embeds both.
        scan_a: one scan.
        scan_b: the other.
        centre: (embedding_dim,), subtracted from both embeddings before the cosine is taken; None:
            the plain similarity is explained.

    Returns:
        the map on `scan_a`, and the one on `scan_b`.

    Raises:
        EncoderMismatchError, ScanError: a scan that the encoder cannot take.
        EncoderError: an encoder without maps, see `check_has_maps`.
    """
    check_has_maps(encoder.card)
    placed = [prepare_placed(scan, encoder.recipe) for scan in (scan_a, scan_b)]
    images = torch.stack([tensor.as_tensor() for tensor, _ in placed])
    on_images, plain, explained = _on_images(encoder, images, centre)
    maps = []
    for (tensor, to_tensor), scan, values in zip(placed, (scan_a, scan_b), on_images, strict=True):
        shape = scan.spatial_shape
        maps.append(
            SimilarityMap(
                to_scan_grid(values, to_tensor, shape),
                field_of_view(tensor.shape[1:], to_tensor, shape),
                plain,
                explained,
            )
        )
    return maps[0], maps[1]


def check_has_maps(card: EncoderCard) -> None:
    """Refuse an encoder whose measures have no gradient.

    Raises:
        EncoderError: an encoder of shapes.
    """
    if card.architecture.backbone == "shape":
        raise EncoderError(
            f"encoder {card.name} has no similarity maps: it measures a mask of yes and no, where "
            "small changes change nothing; `compare` without --explain ranks as ever"
        )


def _on_images(
    encoder: Encoder, images: torch.Tensor, centre: NDArray[np.floating] | None
) -> tuple[NDArray[np.float32], float, float]:
    """(2, channels, *size) -> maps (2, *size), the plain similarity and the explained one."""
    network = encoder.network
    views, before, behind, n_steps = _explained_at(encoder)
    with evaluating(network) as device, torch.enable_grad():
        with torch.no_grad():
            both = torch.cat([images, blurred(images, NEUTRAL_BLUR)]).to(device)
            if both.ndim == 4:
                both = both.contiguous(memory_format=torch.channels_last)
            maps = before(both)
            sharp = [[part[:2] for part in look] for look in maps]
            neutral = [[part[2:] for part in look] for look in maps]
            embeddings = behind(sharp)
            middle = torch.zeros_like(embeddings[0])
            if centre is not None:
                middle = torch.as_tensor(np.asarray(centre), dtype=middle.dtype, device=device)
            a, b = embeddings
            plain = float(functional.cosine_similarity(a, b, dim=0))
            explained = float(functional.cosine_similarity(a - middle, b - middle, dim=0))
        looks = _path_shares(behind, n_steps, sharp, neutral, embeddings.flip(0), middle)
    whole = torch.zeros((2, 1, *images.shape[2:]))
    for view, back, look in zip(VIEWS[views], VIEWS_BACK[views], looks, strict=True):
        size = view(images).shape[2:]
        for share in look:
            whole += back(_enlarged(share.cpu(), size))
    values: NDArray[np.float32] = blurred(whole, _SMOOTH, spread=True)[:, 0].numpy()
    return values, plain, explained


def _explained_at(encoder: Encoder) -> tuple[str, _Before, _Behind, int]:
    """Where maps are made: the views that lead there, the way to there, the way on, its steps.

    At the feature maps that are pooled. Of an encoder that segments and then measures, at the
    input: its pooled maps are the segmentation, and where a structure is found depends on what
    lies around, so a share of the segmentation at one place is not what the scan shows there.
    """
    network = encoder.network
    if encoder.card.architecture.anatomy is None:
        views = encoder.card.architecture.views
        return views, network.view_maps, network.of_view_maps, _STEPS
    return "one", lambda images: [[images]], lambda looks: network(looks[0][0]), _STEPS_THROUGH


def _enlarged(share: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """(2, 1, *map size) -> (2, 1, *size), of about the same sum."""
    mode = "bilinear" if share.ndim == 4 else "trilinear"
    whole = functional.interpolate(share, size=tuple(size), mode=mode, align_corners=False)
    return whole * (share[0].numel() / whole[0].numel())


def _path_shares(
    behind: _Behind,
    n_steps: int,
    sharp: _Maps,
    neutral: _Maps,
    others: torch.Tensor,
    middle: torch.Tensor,
) -> list[list[torch.Tensor]]:
    """What each place of each feature map adds to the similarity: (2, 1, *map size) each."""
    changes = [
        [f - b for f, b in zip(*look, strict=True)] for look in zip(sharp, neutral, strict=True)
    ]
    sums = [[torch.zeros_like(change) for change in look] for look in changes]
    for step in range(n_steps):
        along = (step + 0.5) / n_steps
        points = [
            [(b + along * c).requires_grad_() for b, c in zip(*look, strict=True)]
            for look in zip(neutral, changes, strict=True)
        ]
        embeddings = behind(points)
        similarity = functional.cosine_similarity(embeddings - middle, others - middle).sum()
        slopes = iter(torch.autograd.grad(similarity, [p for look in points for p in look]))
        for look in sums:
            for total in look:
                total += next(slopes) / n_steps
    return [
        [(s * c).sum(dim=1, keepdim=True) for s, c in zip(*look, strict=True)]
        for look in zip(sums, changes, strict=True)
    ]
