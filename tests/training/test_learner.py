"""One step: passes, processes and resuming change nothing but the order of sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from medsiam.errors import UsageError
from medsiam.training.distributed import World
from medsiam.training.learner import Learner, rate_factor
from medsiam.training.settings import OptimiserSettings, ScheduleSettings


class Points:
    """Rows of a linear network on fixed points; the loss compares all rows with all."""

    def __init__(self, n=8):
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(40, 5, generator=generator)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.heads = nn.ModuleList([nn.Linear(3, 3)])
        self.n = n

    def draw(self, step):
        return np.random.default_rng((3, step)).choice(40, self.n, replace=False)

    def observe(self, network, positions, places, step):
        return self.heads[0](network(self.inputs[torch.from_numpy(positions)]))

    def loss(self, rows, positions, step):
        target = torch.from_numpy(np.cos(np.subtract.outer(positions, positions))).float()
        return ((rows @ rows.T - target) ** 2).mean()

    def state(self):
        return {}

    def load_state(self, state):
        assert not state


def network(*, norm=False):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3) if norm else nn.Tanh())


def learner(net, *, n=8, **settings):
    return Learner(
        net,
        Points(n),
        settings=OptimiserSettings(**{"learning_rate": 0.05, **settings}),
        rate=lambda step: 0.05 / (1 + step),
        seed=0,
        world=World(),
    )


def steps(taking, first, last):
    with torch.random.fork_rng():
        return [taking.take(step) for step in range(first, last)]


def test_a_step_is_a_plain_torch_step():
    net = network()
    losses = steps(learner(net), 0, 4)
    plain, points = network(), Points()
    parameters = [*plain.parameters(), *points.heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, weight_decay=1e-4)
    for step, expected in enumerate(losses):
        optimiser.param_groups[0]["lr"] = 0.05 / (1 + step)
        positions = points.draw(step)
        loss = points.loss(points.observe(plain, positions, None, step), positions, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert loss.item() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(net[0].weight, plain[0].weight, rtol=1e-4, atol=1e-6)


def test_several_passes_are_one_batch():
    one, four = network(), network()
    np.testing.assert_allclose(
        steps(learner(one), 0, 5), steps(learner(four, accumulate=4), 0, 5), rtol=1e-5
    )
    torch.testing.assert_close(one[0].weight, four[0].weight, rtol=1e-4, atol=1e-6)


def test_statistics_count_each_scan_once():
    net = network(norm=True)
    steps(learner(net, accumulate=2), 0, 3)
    assert int(net[1].num_batches_tracked) == 3 * 2


@pytest.mark.parametrize("settings", [{}, {"averaging": 0.9}, {"accumulate": 2}])
def test_a_loaded_state_goes_on_bit_for_bit(settings):
    whole = network(norm=True)
    through = learner(whole, **settings)
    losses = steps(through, 0, 6)
    first = learner(network(norm=True), **settings)
    steps(first, 0, 3)
    state = {name: tensor.clone() for name, tensor in first.state().items()}
    second = learner(network(norm=True), **settings)
    second.load_state(state)
    assert steps(second, 3, 6) == losses[3:]
    for name, tensor in second.state().items():
        assert torch.equal(tensor, through.state()[name]), name


def test_the_running_mean_is_what_is_kept():
    net = network()
    taking = learner(net, averaging=0.5)
    mean = net[0].weight.detach().clone()
    for step in range(4):
        steps(taking, step, step + 1)
        decay = min(0.5, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * net[0].weight.detach()
    torch.testing.assert_close(taking.averaged()["0.weight"], mean)
    kept = taking.averaged()["0.weight"]
    steps(taking, 4, 5)
    torch.testing.assert_close(kept, mean)  # a copy


def test_too_small_a_batch_and_nothing_to_train_are_refused():
    with pytest.raises(UsageError, match=r"a batch of 8 scans .* lower optimiser.accumulate"):
        steps(learner(network(), accumulate=5), 0, 1)
    frozen, points = network().requires_grad_(False), Points()
    points.heads = nn.ModuleList()
    with pytest.raises(UsageError, match="every weight is frozen"):
        Learner(frozen, points, settings=OptimiserSettings(), rate=float, seed=0, world=World())


def test_rate_rises_then_falls_along_a_half_cosine():
    schedule = ScheduleSettings(epochs=5, warmup_epochs=1)
    factors = [rate_factor(step, 4, schedule) for step in range(20)]
    assert factors[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert factors[4] == 1
    expected = [(1 + math.cos(math.pi * i / 16)) / 2 for i in range(16)]
    assert factors[4:] == pytest.approx(expected)
    assert rate_factor(20, 4, schedule) == pytest.approx(0)
