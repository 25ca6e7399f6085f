"""Claim: an epoch is bound by the network: at least 0.9 of a bare loop's samples per second.

    python benchmarks/training_speed.py [--rounds 7]

The bare loop has the same network, batch size and optimiser on one preloaded batch of tensors,
with nothing else to do: no drawing of batches, no augmentation, no reading. Ours draws, augments
and compares as configs/training say. Rounds are interleaved, so that a busy moment hits both.
Batches are made in a thread of their own, which needs a second core: where other work takes it,
wall-clock time tells that as well. So processor time of the training thread is given beside it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import write_result

from medsiam.cases import CaseRow
from medsiam.encoders import TwinEncoder, new_encoder
from medsiam.training import TrainingConfig
from medsiam.training.dataset import PreparedScans
from medsiam.training.distributed import World
from medsiam.training.learner import Learner
from medsiam.training.losses import triplet_loss
from medsiam.training.metric_objective import MetricObjective

STEPS = 4  # of a round
AUGMENTATION = {"translation": 3.0, "brightness": 0.1, "gamma": (0.8, 1.25), "noise": 0.03}
CASES = {
    "images, ResNet-10 of half width, 56 x 56": {
        "recipe": {"spatial_dims": 2, "spatial_size": (56, 56)},
        "encoder": {"backbone": "resnet10", "width": 0.5},
        "augmentation": {**AUGMENTATION, "rotation": 180.0, "flip": True},
        "conditions": 7,
    },
    "volumes, ResNet-10 of half width, 64 x 64 x 10": {
        "recipe": {"spatial_dims": 3, "spatial_size": (64, 64, 10)},
        "encoder": {"backbone": "resnet10", "width": 0.5},
        "augmentation": {**AUGMENTATION, "rotation": (0.0, 0.0, 180.0), "flip": (0,)},
        "conditions": 3,
    },
    "images, EfficientNet-Lite0, 96 x 96": {
        "recipe": {"spatial_dims": 2, "spatial_size": (96, 96)},
        "encoder": {"backbone": "efficientnet-lite0"},
        "augmentation": {**AUGMENTATION, "rotation": 180.0, "flip": True},
        "conditions": 4,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    figures = {}
    for name, case in CASES.items():
        ours, bare, n = loops(case)
        seconds: dict[str, list[float]] = {"ours": [], "bare": []}
        own: dict[str, list[float]] = {"ours": [], "bare": []}
        for round_ in range(rounds + 1):
            for which, loop in (("ours", ours), ("bare", bare)):
                start, start_own = time.perf_counter(), time.thread_time()
                loop(round_ * STEPS)
                if round_:  # the first one warms up
                    seconds[which].append(time.perf_counter() - start)
                    own[which].append(time.thread_time() - start_own)
        rates = {k: [n * STEPS / s for s in v] for k, v in seconds.items()}
        ratios = [a / b for a, b in zip(rates["ours"], rates["bare"], strict=True)]
        threads = [b / a for a, b in zip(own["ours"], own["bare"], strict=True)]
        figures[name] = {
            "batch": n,
            "threads": torch.get_num_threads(),
            "rounds": rounds,
            **{f"{k}_samples_per_second": statistics.median(v) for k, v in rates.items()},
            "ratio": statistics.median(ratios),
            "ratio_lowest": min(ratios),
            "ratio_highest": max(ratios),
            "ratio_of_the_training_thread": statistics.median(threads),
        }
        print(
            f"{name}: {figures[name]['ours_samples_per_second']:.1f} samples/s, bare loop "
            f"{figures[name]['bare_samples_per_second']:.1f}; ratio {figures[name]['ratio']:.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}), of the training thread "
            f"{statistics.median(threads):.2f}",
            flush=True,
        )
    write_result("training_speed", figures)


def loops(case: dict) -> tuple[Callable[[int], None], Callable[[int], None], int]:
    """Both loops, each taking the number of its first step, and the size of a batch."""
    config = TrainingConfig.model_validate(
        {
            "run": {"name": "speed"},
            "data": {"cases": "none.csv", "name": "random", "licence": "none"},
            "sampling": {"scans_per_condition": 8},
            **{key: case[key] for key in ("recipe", "encoder", "augmentation")},
        }
    )
    scans = random_scans(config, case["conditions"])
    network = new_network(config)
    objective = MetricObjective(config, scans, network)
    learner = Learner(
        network,
        objective,
        settings=config.optimiser,
        rate=lambda step: 1e-3,
        seed=0,
        world=World(),
    )
    positions = objective.draw(0)

    def ours(first: int) -> None:
        network.train()
        for step in range(first, first + STEPS):
            learner.take(step)

    return ours, bare_loop(new_network(config), scans.tensors[positions]), len(positions)


def bare_loop(network: TwinEncoder, batch: torch.Tensor) -> Callable[[int], None]:
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    third = torch.arange(len(batch))

    def bare(first: int) -> None:
        network.train()
        for _ in range(STEPS):
            rows = network(batch)
            loss = triplet_loss(rows, rows[third.roll(1)], rows[third.roll(9)], margin=0.3)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return bare


def new_network(config: TrainingConfig) -> TwinEncoder:
    return new_encoder(config.architecture, config.recipe, name="x", licence="none").network


def random_scans(config: TrainingConfig, n_conditions: int) -> PreparedScans:
    """600 scans of random values."""
    rows = tuple(
        CaseRow(i, Path(f"{i}"), f"{i}", f"c{i % n_conditions}", f"{i}", patient_id=f"{i // 2}")
        for i in range(600)
    )
    generator = torch.Generator().manual_seed(0)
    recipe = config.recipe
    tensors = torch.rand(600, recipe.in_channels, *recipe.spatial_size, generator=generator)
    return PreparedScans(rows, tensors, ("",) * len(rows))


if __name__ == "__main__":
    main()
