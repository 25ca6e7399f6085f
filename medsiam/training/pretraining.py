"""Self-supervised warm start: two looks at one scan belong together, before conditions count.

T. Chen et al., "A simple framework for contrastive learning of visual representations", ICML 2020
(SimCLR), with MONAI's loss. It reads no condition, so scans without any will do.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from monai.losses.contrastive import ContrastiveLoss
from torch import nn

from medsiam.encoders.twin import TwinEncoder
from medsiam.training.dataset import PreparedScans
from medsiam.training.looks import Looks
from medsiam.training.prefetch import Prefetch
from medsiam.training.sampling import Indices, draw_rows
from medsiam.training.seeding import Purpose, generator_of, seed_of
from medsiam.training.settings import TrainingConfig


class PretrainingObjective:
    """Each scan of the batch must find its own second look among the looks of all others.

    The loss sees a projection of the embedding that is thrown away: it learns to forget what the
    augmentation changes, and the embedding before it need not.

    Args:
        config: of the run; `[pretraining]` and `[augmentation]` count.
        scans: with or without conditions.
        network: the one to be trained; asked for its embedding's length.

    Attributes:
        heads: the projection.
    """

    def __init__(self, config: TrainingConfig, scans: PreparedScans, network: TwinEncoder) -> None:
        self._scans = scans
        self._seed = config.run.seed
        self._size = config.pretraining.scans_per_batch
        self._loss = ContrastiveLoss(config.pretraining.temperature)
        self._rows_by_subject: dict[str, list[int]] = {}
        for row, subject in enumerate(scans.subjects):
            self._rows_by_subject.setdefault(subject, []).append(row)
        self._looks = Looks(
            config.augmentation,
            seed=config.run.seed,
            purpose=Purpose.PRETRAINING_LOOK,
        )
        self._batches = Prefetch(self._both_looks, draw=self.draw)
        dim = network.embedding_dim
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_of(Purpose.PRETRAINING_HEAD, self._seed))
            projection = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.heads = nn.ModuleList([projection])

    def draw(self, step: int) -> Indices:
        """Return (n,) positions: scans of different subjects as far as possible, none twice.

        Scans of one patient look alike, and each would be told to keep away from the other.
        """
        random_state = generator_of(Purpose.PRETRAINING_BATCH, self._seed, step)
        size = min(self._size, len(self._scans.rows))
        return draw_rows(list(self._rows_by_subject.values()), size, random_state)

    def observe(
        self, network: TwinEncoder, positions: Indices, places: Indices, step: int
    ) -> torch.Tensor:
        """Return (m, 2, d): the projections of two looks at each scan."""
        looks = self._batches(positions, places, step)
        rows: torch.Tensor = self.heads[0](network(looks))
        return torch.stack(rows.float().chunk(2), dim=1)

    def _both_looks(self, positions: Indices, places: Indices, step: int) -> torch.Tensor:
        both = [2 * places + look for look in (0, 1)]  # every look has a place, and so a seed
        return torch.cat([self._looks(self._scans, positions, place, step) for place in both])

    def loss(self, rows: torch.Tensor, positions: Indices, step: int) -> torch.Tensor:
        """Return the normalised temperature-scaled cross-entropy over (n, 2, d) rows."""
        loss: torch.Tensor = self._loss(rows[:, 0], rows[:, 1])
        return loss

    def state(self) -> dict[str, torch.Tensor]:
        """Return nothing: a step depends on seed, step and weights alone."""
        return {}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Do nothing."""
