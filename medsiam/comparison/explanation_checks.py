"""Are an encoder's similarity maps true to the encoder? Measured on pairs, before any is shown.

Deletion: what a map marks must matter, more than what it does not mark. Randomised weights: a map
that stays as it is when the network's weights are shuffled shows the image, not the comparison
(J. Adebayo et al. 2018, arXiv:1810.03292). Another image: the map must depend on both.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.distances import pairwise_distances
from medsiam.errors import UsageError
from medsiam.metrics import wilson_interval
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from medsiam.encoders import Encoder

FEWEST_PAIRS = 10
MARKED = 0.1  # of what the encoder sees
LEAST_DELETION = 0.9  # share of pairs
MOST_ALIKE = 0.9  # rank correlation above which two maps count as the same
_RANDOM_REGIONS = 4  # per scan
_CONTROL_PAIRS = 10  # for both controls, whose figures are medians
_MOST_RANKED = 20_000  # voxels


@dataclass(frozen=True)
class ExplanationChecks:
    """How an encoder's maps fared.

    Attributes:
        n_pairs: of scans that were looked at.
        deletion: share of pairs in which blurring out the marked tenth of either scan raises the
            distance more than random connected regions of the same size do on average.
        deletion_low, deletion_high: its 95 % Wilson interval.
        marked_rise, random_rise: of the cosine distance, mean over pairs.
        randomised: median rank correlation of the maps with those of the same network with
            shuffled weights.
        other: median rank correlation of a scan's maps against two different scans.
        centred: maps and distances were seen from a centre; else the plain ones.
    """

    n_pairs: int
    deletion: float
    deletion_low: float
    deletion_high: float
    marked_rise: float
    random_rise: float
    randomised: float
    other: float
    centred: bool = False

    @property
    def passed(self) -> bool:
        """Whether maps of this encoder may be shown."""
        return not self._faults()

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        measured = (
            f"blurring out the marked tenth of a scan raised the distance more than a random "
            f"region of the same size in {self.deletion:.0%} of {self.n_pairs} pairs (95 % "
            f"interval {self.deletion_low:.0%} to {self.deletion_high:.0%}); rank correlation with "
            f"maps of shuffled weights {self.randomised:.2f}, with maps against another scan "
            f"{self.other:.2f}"
        )
        if self.passed:
            return f"Maps of this encoder passed their checks: {measured}."
        return (
            "Maps of this encoder are not shown, for they failed their checks: "
            f"{'; '.join(self._faults())}. Measured: {measured}."
        )

    def _faults(self) -> list[str]:
        faults = []
        # Written so that a figure that is not a number fails.
        if not self.deletion >= LEAST_DELETION:
            faults.append(
                f"what they mark matters more than a random region in {self.deletion:.0%} of "
                f"pairs, {LEAST_DELETION:.0%} are needed"
            )
        if not self.randomised <= MOST_ALIKE:
            faults.append(
                "they hardly change when the network's weights are shuffled (rank correlation "
                f"{self.randomised:.2f}, at most {MOST_ALIKE} is allowed)"
            )
        if not self.other <= MOST_ALIKE:
            faults.append(
                "they hardly depend on the scan compared with (rank correlation "
                f"{self.other:.2f}, at most {MOST_ALIKE} is allowed)"
            )
        return faults


def check_explanations(
    pairs: Sequence[tuple[Scan, Scan]],
    encoder: Encoder,
    *,
    centre: NDArray[np.floating] | None = None,
    random_state: int = 0,
) -> ExplanationChecks:
    """Check an encoder's similarity maps on pairs of scans of different patients.

    Takes the time of about 20 embeddings per pair.

    Args:
        pairs: such as queries and their nearest match, of the kind of scans that will be asked
            about; at least `FEWEST_PAIRS`.
        encoder: whose maps are checked.
        centre: that the maps are seen from, see `similarity_maps`; so is the distance that rises.
            A shuffled network has another: the mean of these scans.
        random_state: seed of random regions and weights.

    Raises:
        UsageError: fewer pairs.
        EncoderMismatchError, ScanError: a scan that the encoder cannot take.
    """
    from medsiam.encoders import similarity_maps

    if len(pairs) < FEWEST_PAIRS:
        raise UsageError(
            f"checking explanations needs at least {FEWEST_PAIRS} pairs of scans, got {len(pairs)}"
        )
    rng = np.random.default_rng(random_state)
    shuffled = shuffle_weights(encoder, rng)
    middle = None
    if centre is not None:
        middle = shuffled.embed(scan for pair in pairs for scan in pair).mean(axis=0)
    rises: list[tuple[float, float]] = []
    randomised: list[float] = []
    other: list[float] = []
    for place, pair in enumerate(pairs):
        maps = [found.values for found in similarity_maps(encoder, *pair, centre=centre)]
        rises.append(deletion_rises(pair, maps, encoder, rng, centre=centre))
        if place < _CONTROL_PAIRS:
            elsewhere = pairs[(place + 1) % len(pairs)][1]
            controls = [
                (randomised, similarity_maps(shuffled, *pair, centre=middle)),
                (other, similarity_maps(encoder, pair[0], elsewhere, centre=centre)[:1]),
            ]
            for found, control in controls:
                found += [
                    rank_correlation(ours[theirs.seen], theirs.values[theirs.seen])
                    for ours, theirs in zip(maps, control, strict=False)
                ]
    marked, random = np.transpose(rises)
    n_better = int((marked > random).sum())
    low, high = wilson_interval(n_better, len(pairs))
    return ExplanationChecks(
        n_pairs=len(pairs),
        deletion=n_better / len(pairs),
        deletion_low=low,
        deletion_high=high,
        marked_rise=float(marked.mean()),
        random_rise=float(random.mean()),
        randomised=float(np.median(randomised)),
        other=float(np.median(other)),
        centred=centre is not None,
    )


def deletion_rises(
    pair: tuple[Scan, Scan],
    maps: Sequence[NDArray[np.floating]],
    encoder: Encoder,
    rng: np.random.Generator,
    *,
    centre: NDArray[np.floating] | None = None,
) -> tuple[float, float]:
    """How much the distance of a pair rises when part of one of its scans is blurred out.

    Args:
        pair: two scans.
        maps: of each.
        encoder: embeds them.
        rng: chooses the random regions.
        centre: (d,) that cosines are seen from; None: the plain distance.

    Returns:
        for the marked regions and for random connected ones of the same size, both as the mean
        over the two scans.
    """
    from medsiam.preprocessing import blur_out

    middle = 0.0 if centre is None else centre
    whole = encoder.embed(pair) - middle
    plain = pairwise_distances(whole[:1], whole[1:], metric="cosine")[0, 0]
    rises = []
    for scan, values, goal in zip(pair, maps, whole[::-1], strict=True):
        blurring = blur_out(scan, encoder.recipe)
        regions = [top_region(values, blurring.seen, MARKED)]
        regions += [
            random_region(blurring.seen, int(regions[0].sum()), rng) for _ in range(_RANDOM_REGIONS)
        ]
        found = encoder.embed(blurring.without(region) for region in regions) - middle
        rise = pairwise_distances(found, goal[None], metric="cosine")[:, 0] - plain
        rises.append((rise[0], rise[1:].mean()))
    marked, random = np.mean(rises, axis=0)
    return float(marked), float(random)


def top_region(
    values: NDArray[np.floating], seen: NDArray[np.bool_], share: float
) -> NDArray[np.bool_]:
    """The `share` of the seen voxels, at least one, that have the largest values."""
    n = max(1, round(share * int(seen.sum())))
    flat = np.where(seen, values, -np.inf).reshape(-1)
    region = np.zeros(flat.size, dtype=bool)
    region[np.argpartition(flat, flat.size - n)[-n:]] = True
    return region.reshape(seen.shape)


def random_region(seen: NDArray[np.bool_], n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A connected region: the `n` seen voxels that are nearest to one drawn at random.

    Distances are in units of the scan's size along each axis.
    """
    places = np.argwhere(seen)
    middle = places[rng.integers(len(places))]
    away = (((places - middle) / np.array(seen.shape)) ** 2).sum(axis=1)
    region = np.zeros_like(seen)
    region[tuple(places[np.argpartition(away, n - 1)[:n]].T)] = True
    return region


def shuffle_weights(encoder: Encoder, rng: np.random.Generator) -> Encoder:
    """The encoder with the values of each tensor in random order: all it learnt is gone.

    That includes statistics of the norms and the whitening.
    """
    import torch

    network = copy.deepcopy(encoder.network)
    for values in network.state_dict().values():
        if values.is_floating_point():
            mixed = rng.permutation(values.cpu().numpy().reshape(-1)).reshape(values.shape)
            values.copy_(torch.from_numpy(mixed))
    return type(encoder)(network, encoder.card)


def rank_correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Spearman's, of two maps read at the same places; 0 where one of them is even."""
    step = max(1, a.size // _MOST_RANKED)
    ranks = [np.unique(x[::step], return_inverse=True)[1].astype(float) for x in (a, b)]
    if any(rank.max() == 0 for rank in ranks):
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
