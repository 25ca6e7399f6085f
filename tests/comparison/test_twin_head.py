"""The head as arrays gives what the network gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.comparison import calibrate, compare_embedding
from medsiam.comparison.space import make_space
from medsiam.comparison.twin_head import has_twin_head, read_twin_head
from medsiam.encoders import Architecture, new_encoder
from medsiam.errors import UsageError
from medsiam.preprocessing import Recipe
from tests.comparison.stub_bank import StubBank, make_scan, ring_bank


class BankWithEncoder(StubBank):
    @property
    def encoder_card(self):
        return self.encoder.card


def bank_of(*, match_head):
    plain = ring_bank(24)
    architecture = Architecture(
        spatial_dims=2, backbone="resnet10", embedding_dim=6, width=0.25, match_head=match_head
    )
    encoder = new_encoder(
        architecture, Recipe(spatial_dims=2, spatial_size=(32, 32)), name="tiny", licence="CC0-1.0"
    )
    return BankWithEncoder(plain.cases, plain.embeddings, encoder=encoder)


def test_equals_the_network():
    bank = bank_of(match_head=True)
    head = bank.encoder.network.match_head
    with torch.no_grad():
        head.weight.copy_(torch.linspace(-2, 0.5, 6))
    space = make_space(bank.embeddings, ["A"] * 24, "match", head=lambda: read_twin_head(bank))
    points = space.points(bank.embeddings[:5])
    found = space.distances(points, points)
    a = torch.from_numpy(bank.embeddings[:5]).repeat_interleave(5, 0)
    b = torch.from_numpy(bank.embeddings[:5]).repeat(5, 1)
    with torch.inference_mode():
        expected = 1 - torch.sigmoid(head(a, b)).reshape(5, 5).numpy()
    assert found == pytest.approx(expected, abs=1e-6)


def test_calibrated_and_compared_like_any_metric():
    bank = bank_of(match_head=True)
    found = calibrate(bank)
    assert found.of("match") is not None
    bank.keep_calibration(found.to_json(), bank_version=1)
    result = compare_embedding(bank.embeddings[0] + 0.3, make_scan(), bank, metric="match")
    assert result.metric == "match"
    assert 0 <= result.matches[0].distance <= 1


def test_no_head_is_said():
    bank = bank_of(match_head=False)
    assert not has_twin_head(bank.encoder_card)
    with pytest.raises(UsageError, match="encoder tiny of bank stub has none"):
        read_twin_head(bank)
    with pytest.raises(UsageError, match="twin head"):
        compare_embedding(np.ones(6), make_scan(), bank, metric="match")
