"""Every objective fulfils the protocol that the loop relies on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.training.metric_objective import MetricObjective
from medsiam.training.objective import Objective
from medsiam.training.pretraining import PretrainingObjective
from tests.training.shapes import new_network, prepared_shapes, tiny_config

OBJECTIVES = [MetricObjective, PretrainingObjective]


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_a_step_is_a_function_of_seed_step_and_weights(kind, tmp_path):
    config, scans = (
        tiny_config(tmp_path / "cases.csv", augmentation={"flip": True}),
        prepared_shapes(),
    )
    network = new_network(config).train()
    results = []
    for order in ((0, 1, 2), (2, 0)):
        objective: Objective = kind(config, scans, network)
        for step in order:
            positions = objective.draw(step)
            places = np.arange(len(positions))
            rows = objective.observe(network, positions, places, step)
            loss = objective.loss(rows, positions, step)
        results.append({"first": objective.draw(2).tolist(), "loss": loss})
    assert results[0]["first"] == results[1]["first"]
    again: Objective = kind(config, scans, network)
    positions = again.draw(0)
    rows = again.observe(network, positions, np.arange(len(positions)), 0)
    assert torch.equal(again.loss(rows, positions, 0), results[1]["loss"])


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_shares_of_a_batch_make_the_whole_batch(kind, tmp_path):
    config, scans = (
        tiny_config(tmp_path / "cases.csv", augmentation={"flip": True}),
        prepared_shapes(),
    )
    network = new_network(config).eval()  # batch normalisation would see the share alone
    objective: Objective = kind(config, scans, network)
    positions = objective.draw(1)
    places = np.arange(len(positions))
    whole = objective.observe(network, positions, places, 1)
    shares = [objective.observe(network, positions[i::2], places[i::2], 1) for i in (0, 1)]
    assert len(whole) == len(positions)
    assert torch.allclose(whole[::2], shares[0], atol=1e-6)
    assert torch.allclose(whole[1::2], shares[1], atol=1e-6)
    assert torch.is_tensor(objective.loss(whole, positions, 1))
    objective.load_state(objective.state())
