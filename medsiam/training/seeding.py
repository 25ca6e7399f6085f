"""Every random thing in training as a pure function of the run's seed, a step and a place.

No generator is carried from step to step, so a resumed run needs none of its state, and several
processes that share a batch see what one process would see.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers decides; two purposes never share a stream."""

    BATCH = 1
    LOOK = 2
    HEAD = 3
    PRETRAINING_BATCH = 4
    PRETRAINING_LOOK = 5
    PRETRAINING_HEAD = 6
    DROPOUT = 7


def seed_of(purpose: Purpose, seed: int, step: int = 0, place: int = 0) -> int:
    """Return a seed below 2^32.

    Args:
        purpose: what it is for.
        seed: of the run.
        step: of training, from 0.
        place: in the batch of that step, from 0.
    """
    # Always four words: NumPy fills shorter keys with zeros, so (7, 1) and (7, 1, 0) are one seed.
    words = np.random.SeedSequence([purpose, seed, step, place]).generate_state(1)
    return int(words[0])


def generator_of(purpose: Purpose, seed: int, step: int = 0) -> np.random.Generator:
    """Return a fresh generator; arguments as of `seed_of`."""
    return np.random.default_rng([purpose, seed, step, 0])
