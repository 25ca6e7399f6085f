"""Seeds: the same for the same step and place, else different, and no two purposes alike."""

from __future__ import annotations

from itertools import product

from medsiam.training.seeding import Purpose, generator_of, seed_of


def test_a_seed_belongs_to_purpose_run_step_and_place_alone():
    keys = list(product(Purpose, (0, 1, 2**32 - 1), (0, 1, 500), (0, 1, 31)))
    seeds = [seed_of(*key) for key in keys]
    assert len(set(seeds)) == len(keys)
    assert seeds == [seed_of(*key) for key in keys]
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_generators_repeat_and_differ():
    keys = list(product(Purpose, (0, 1), (0, 1, 500)))
    draws = [tuple(generator_of(*key).integers(2**62, size=2)) for key in keys]
    assert len(set(draws)) == len(keys)
    assert draws == [tuple(generator_of(*key).integers(2**62, size=2)) for key in keys]
