"""Segmentation as an objective: losses against plain loops, learning, validation, scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.cases import read_case_table
from medsiam.encoders import load_encoder, new_encoder
from medsiam.encoders.anatomy_measures import Measure, list_measures
from medsiam.errors import UsageError
from medsiam.scans import read_scan
from medsiam.training import train
from medsiam.training.dataset import prepare_rows
from medsiam.training.finishing import fit_scale
from medsiam.training.segmentation import (
    SegmentationObjective,
    anatomy_of,
    dice_of,
    look_size,
    segmentation_loss,
)
from tests.training.bodies import STRUCTURES, anatomy_config, write_bodies


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Configuration, objective, scans, fresh encoder."""
    table = write_bodies(tmp_path_factory.mktemp("bodies"))
    config = anatomy_config(table)
    scans = prepare_rows(read_case_table(table).rows, config.recipe, advance=lambda: None)
    encoder = new_encoder(config.architecture, config.recipe, name="tiny", licence="CC0-1.0")
    return config, SegmentationObjective(config, scans), scans, encoder


def test_loss_is_cross_entropy_and_soft_dice_of_each_look():
    torch.manual_seed(0)
    logits, masks = torch.randn(3, 4, 5, 6), torch.randint(0, 4, (3, 5, 6))
    shares = logits.softmax(dim=1).double().numpy()
    for look, value in enumerate(segmentation_loss(logits, masks)):
        entropy = -np.mean(
            [np.log(shares[look, int(masks[look, x, y]), x, y]) for x in range(5) for y in range(6)]
        )
        dice = []
        for k in (1, 2, 3):
            truth = (masks[look] == k).numpy()
            both = 2 * shares[look, k][truth].sum()
            dice.append(1 - (both + 20) / (shares[look, k].sum() + truth.sum() + 20))
        assert float(value) == pytest.approx(entropy + np.mean(dice), rel=1e-5)


def test_dice_of_labels():
    found, mask = torch.tensor([1, 1, 2, 0, 0]), torch.tensor([1, 2, 2, 2, 0])
    assert dice_of(found, mask, n_structures=3) == [2 / 3, 2 / 4, 1.0]


def test_a_look_shows_the_structures_with_room_and_never_more_than_the_plane():
    masks = torch.zeros(3, 40, 40, 2, dtype=torch.uint8)
    masks[0, 5:15, 5:15] = 1
    masks[1, 5:25, 5:25] = 2
    assert look_size(masks, step=8) == 24  # 1.4 times 15, up to a multiple of 8
    assert look_size(masks[1:2] * 0, step=8) == 40
    assert look_size(masks.clamp(min=1), step=16) == 48


def test_each_place_is_a_pure_function_of_seed_step_and_place(run):
    _, objective, _, encoder = run
    network = encoder.network.eval()  # statistics of a batch would join its rows
    positions, places = objective.draw(3), np.arange(8)
    assert sorted(positions) == [0, 0, 1, 1, 2, 2, 3, 3]
    rows = objective.observe(network, positions, places, 3)
    assert rows.shape == (8,)
    part = objective.observe(network, positions[5:], places[5:], 3)
    torch.testing.assert_close(part, rows[5:], rtol=1e-4, atol=1e-5)
    other = objective.observe(network, positions, places, 4)
    assert not torch.allclose(other, rows)
    torch.testing.assert_close(objective.loss(rows, positions, 3), rows.mean())
    assert objective.state() == {}


def test_learns_two_bodies_in_seconds_and_their_measures_tell_thick_from_thin(run):
    config, objective, scans, encoder = run
    network = encoder.network
    before = objective.validate(encoder, scans)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-2)
    network.train()
    for step in range(60):
        positions = objective.draw(step)
        rows = objective.observe(network, positions, np.arange(len(positions)), step)
        optimiser.zero_grad()
        objective.loss(rows, positions, step).backward()
        optimiser.step()
    after = objective.validate(encoder, scans)
    assert after.score > 0.8 > before.score
    assert set(after.dice) == set(STRUCTURES)
    assert after.score == pytest.approx(np.mean(list(after.dice.values())))
    assert after.hits.shape == (4,)
    assert not after.collapsed

    fit_scale(network, scans)
    embeddings = encoder.embed_tensors(scans.tensors)
    np.testing.assert_allclose(embeddings.mean(axis=0), 0, atol=1e-3)
    plan = config.encoder.anatomy
    core = list_measures(plan).index(Measure("volume", "core"))
    assert scans.conditions == ["thick", "thick", "thin", "thin"]
    assert embeddings[:2, core].min() > embeddings[2:, core].max()


def test_another_backbone_is_refused(run):
    config, _, scans, _ = run
    architecture = config.architecture.model_copy(
        update={"backbone": "resnet10", "anatomy": None, "width": 0.1, "project": True}
    )
    encoder = new_encoder(architecture, config.recipe, name="tiny", licence="CC0-1.0")
    with pytest.raises(UsageError, match="backbone = 'anatomy'"):
        anatomy_of(encoder.network)
    settings = config.encoder.model_copy(update={"anatomy": None, "backbone": "resnet10"})
    with pytest.raises(UsageError, match=r"encoder\.anatomy"):
        SegmentationObjective(config.model_copy(update={"encoder": settings}), scans)


def test_a_run_makes_an_encoder_whose_measures_are_scaled_and_that_needs_no_mask(tmp_path):
    table = write_bodies(tmp_path / "bodies", patients=4)
    result = train(anatomy_config(table), out=tmp_path / "run", progress=False)
    for mask in table.parent.glob("*-mask.nii.gz"):
        mask.unlink()
    encoder = load_encoder(tmp_path / "run" / "encoder")
    assert encoder.fingerprint == result.encoder.fingerprint
    scans = [read_scan(path) for path in sorted(table.parent.glob("*.nii.gz"))]
    embeddings = encoder.embed(scans)
    assert embeddings.shape == (8, len(list_measures(encoder.card.architecture.anatomy)))
    assert np.abs(embeddings).max() <= 3
    maps = encoder.feature_maps(scans[0])
    np.testing.assert_allclose(maps.sum(axis=0), 1, atol=1e-5)
