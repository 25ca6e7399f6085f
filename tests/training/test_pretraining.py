"""The warm start: no condition is read, patients are kept apart, and the loss falls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medsiam.training.pretraining import PretrainingObjective
from tests.training.shapes import new_network, prepared_shapes, tiny_config

SCANS = prepared_shapes()


def set_up(scans=SCANS, **pretraining):
    config = tiny_config(
        Path("cases.csv"),
        pretraining={"epochs": 1, "scans_per_batch": 12, "temperature": 0.2} | pretraining,
        encoder={"backbone": "resnet10", "width": 0.25, "embedding_dim": 8, "standardize": True},
        augmentation={"flip": True, "noise": 0.1, "gamma": (0.7, 1.4)},
    )
    network = new_network(config).train()
    return PretrainingObjective(config, scans, network), network


def test_the_loss_is_the_loop():
    objective, _ = set_up()
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 2, 8))).float()
    looks = [row / row.norm() for row in (*rows[:, 0], *rows[:, 1])]
    terms = []
    for i in range(10):
        scores = [float(looks[i] @ looks[j]) / 0.2 for j in range(10)]
        total = sum(np.exp(score) for j, score in enumerate(scores) if j != i)
        terms.append(np.log(total) - scores[(i + 5) % 10])
    loss = objective.loss(rows, np.arange(5), 0)
    assert loss.item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_conditions_do_not_matter():
    nameless = replace(SCANS, rows=tuple(replace(row, condition="") for row in SCANS.rows))
    (with_names, network), (without, _) = set_up(), set_up(nameless)
    network.eval()
    rows = []
    for objective in (with_names, without):
        positions = objective.draw(1)
        rows.append(objective.observe(network, positions, np.arange(len(positions)), 1))
    assert torch.equal(*rows)


def test_a_batch_holds_different_patients_and_no_scan_twice():
    for step in range(10):
        positions = set_up()[0].draw(step)
        assert len({SCANS.subjects[i] for i in positions}) == len(positions) == 12
    few = prepared_shapes(patients=1, scans=2)
    assert sorted(set_up(few)[0].draw(0).tolist()) == [0, 1, 2, 3, 4, 5]


def test_two_looks_differ_and_belong_to_seed_step_and_place():
    objective, network = set_up()
    network.eval()
    positions, places = objective.draw(0), np.arange(12)
    rows = objective.observe(network, positions, places, 0)
    assert rows.shape == (12, 2, 8)
    assert not torch.isclose(rows[:, 0], rows[:, 1]).all(dim=1).any()
    share = objective.observe(network, positions[3:], places[3:], 0)
    assert torch.allclose(share, rows[3:], atol=1e-5)
    assert not torch.allclose(objective.observe(network, positions, places, 1), rows)


def test_it_learns_and_its_projection_is_no_part_of_the_network():
    objective, network = set_up()
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = [*network.parameters(), *objective.heads.parameters()]
        optimiser = torch.optim.AdamW(weights, lr=3e-3)
        for step in range(15):
            positions = objective.draw(step)
            rows = objective.observe(network, positions, np.arange(len(positions)), step)
            loss = objective.loss(rows, positions, step)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert all(not torch.equal(before[name], w) for name, w in network.named_parameters())
    assert objective.state() == {}
    objective.load_state({})
