"""Learning to segment: Dice and cross-entropy against expert masks, for encoders that measure.

The conditions are of no use here but for balance: what is learned is where the structures are. So
the encoder takes no shortcut by condition, and its measures hold for conditions it never saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from medsiam.encoders import Encoder
from medsiam.encoders.anatomy import AnatomyBackbone
from medsiam.encoders.anatomy_measures import measure
from medsiam.encoders.twin import TwinEncoder
from medsiam.errors import UsageError
from medsiam.training.alarms import embedding_spread
from medsiam.training.dataset import PreparedScans
from medsiam.training.masks import prepare_masks
from medsiam.training.sampling import Indices, draw_batch
from medsiam.training.seeding import Purpose, generator_of, seed_of
from medsiam.training.settings import TrainingConfig
from medsiam.training.slice_views import SliceStack, draw_view, slice_stack
from medsiam.training.validation import Validation

_SMOOTH = 20.0  # voxels, so that a slice without a structure has a Dice
_ROOM = 1.4  # side of a look, in typical sides of the structures


@dataclass(frozen=True, eq=False)
class SegmentationValidation(Validation):
    """`hits` is the mean Dice of each scan, `score` the mean over structures.

    Attributes:
        dice: mean over the scans, of each structure.
    """

    dice: dict[str, float]

    @property
    def collapsed(self) -> bool:
        """Never: a network that finds nothing has a Dice that says so."""
        return False


class SegmentationObjective:
    """Random looks at slices of scans, each with its mask.

    Args:
        config: of the run; `encoder.anatomy` names the structures.
        scans: the training part, every row with a mask.

    Attributes:
        heads: none.
        size: voxels along a look's side.

    Raises:
        CaseTableError: masks that are missing or cannot be used, all of them listed.
    """

    def __init__(self, config: TrainingConfig, scans: PreparedScans) -> None:
        if config.encoder.anatomy is None:
            raise UsageError("segmentation needs encoder.backbone = 'anatomy' and encoder.anatomy")
        self._config = config
        self._structures = config.encoder.anatomy.structures
        self._scans = scans
        self._conditions, self._subjects = (
            np.unique(np.asarray(names), return_inverse=True)[1]
            for names in (scans.conditions, scans.subjects)
        )
        masks = self._masks(scans)
        pairs = zip(scans.tensors, masks, strict=True)
        self._stacks: list[SliceStack] = [slice_stack(volume, mask) for volume, mask in pairs]
        step = 2 ** (len(config.encoder.anatomy.channels) - 1)
        self.size = look_size(masks, step=step)
        self._validation_masks: tuple[PreparedScans, torch.Tensor] | None = None
        self.heads = nn.ModuleList()

    def draw(self, step: int) -> Indices:
        """Return (P * K,) positions of the scans of a step's batch."""
        sampling = self._config.sampling
        return draw_batch(
            self._conditions,
            self._subjects,
            conditions_per_batch=sampling.conditions_per_batch,
            scans_per_condition=sampling.scans_per_condition,
            random_state=generator_of(Purpose.BATCH, self._config.run.seed, step),
        )

    def observe(
        self, network: TwinEncoder, positions: Indices, places: Indices, step: int
    ) -> torch.Tensor:
        """Return (m,): the loss of one look at each scan."""
        views = [
            draw_view(
                self._stacks[position],
                augmentation=self._config.augmentation,
                size=self.size,
                random_state=np.random.default_rng(
                    seed_of(Purpose.LOOK, self._config.run.seed, step, int(place))
                ),
            )
            for position, place in zip(positions, places, strict=True)
        ]
        logits = anatomy_of(network).logits(torch.stack([view.image for view in views]))
        return segmentation_loss(logits.float(), torch.stack([view.mask for view in views]))

    def loss(self, rows: torch.Tensor, positions: Indices, step: int) -> torch.Tensor:
        """Return the mean of (n,) losses."""
        return rows.mean()

    def state(self) -> dict[str, torch.Tensor]:
        """Return nothing: each step stands alone."""
        return {}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on; there is nothing to take back."""

    def validate(self, encoder: Encoder, scans: PreparedScans) -> SegmentationValidation:
        """Segment whole scans and compare with their masks.

        Raises:
            CaseTableError: masks that are missing or cannot be used, all of them listed.
        """
        if self._validation_masks is None or self._validation_masks[0] is not scans:
            self._validation_masks = (scans, self._masks(scans))
        network = encoder.network.eval()
        backbone = anatomy_of(network)
        dice, measures = [], []
        with torch.inference_mode():
            for volume, mask in zip(scans.tensors, self._validation_masks[1], strict=True):
                shares = backbone.feature_maps(volume[None])
                found = shares[0].argmax(dim=0)
                dice.append(dice_of(found, mask, n_structures=len(self._structures)))
                measures.append(measure(shares, backbone.plan)[0])
        table = np.array(dice)
        by_structure = table.mean(axis=0)
        return SegmentationValidation(
            hits=table.mean(axis=1),
            score=float(by_structure.mean()),
            accuracy=float(table.mean()),
            spread=embedding_spread(torch.stack(measures).numpy()),
            dice=dict(zip(self._structures, by_structure.tolist(), strict=True)),
        )

    def _masks(self, scans: PreparedScans) -> torch.Tensor:
        return prepare_masks(scans.rows, self._config.recipe, structures=self._structures)


def anatomy_of(network: TwinEncoder) -> AnatomyBackbone:
    """Return the backbone that segments.

    Raises:
        UsageError: where the network has another one.
    """
    if not isinstance(network.backbone, AnatomyBackbone):
        raise UsageError("segmentation needs a network with encoder.backbone = 'anatomy'")
    return network.backbone


def look_size(masks: torch.Tensor, *, step: int) -> int:
    """Return a side for looks that shows the structures of most scans whole.

    Args:
        masks: (n, x, y, z) labels.
        step: the side is a multiple of it, and of the whole plane at most.
    """
    sides = [
        int(there[-1] - there[0]) + 1
        for mask in masks
        for axis in (0, 1)
        if len(there := (mask > 0).movedim(axis, 0).flatten(1).any(dim=1).nonzero())
    ]
    plane = max(masks.shape[1:3])
    wanted = min(_ROOM * float(np.median(sides)), plane) if sides else plane
    return int(-(-wanted // step) * step)


def segmentation_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, and one minus soft Dice (F. Milletari et al. 2016) over the structures.

    Args:
        logits: (m, 1 + structures, x, y).
        masks: (m, x, y) labels.

    Returns:
        (m,).
    """
    entropy = functional.cross_entropy(logits, masks, reduction="none").mean(dim=(1, 2))
    shares = logits.softmax(dim=1)[:, 1:]
    truth = functional.one_hot(masks, logits.shape[1]).movedim(-1, 1)[:, 1:].to(shares.dtype)
    both = (shares * truth).sum(dim=(2, 3))
    either = (shares + truth).sum(dim=(2, 3))
    return entropy + (1 - (2 * both + _SMOOTH) / (either + _SMOOTH)).mean(dim=1)


def dice_of(found: torch.Tensor, mask: torch.Tensor, *, n_structures: int) -> Sequence[float]:
    """Dice of each structure in one scan; 1 where it is neither found nor there.

    Args:
        found: labels.
        mask: labels, same shape.
        n_structures: labels 1 to so many.
    """
    values = []
    for k in range(1, n_structures + 1):
        either = int((found == k).sum() + (mask == k).sum())
        both = int(((found == k) & (mask == k)).sum())
        values.append(2 * both / either if either else 1.0)
    return values
