"""One pair, one answer: against the formulas, and with what must not be said."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from medsiam.comparison import RESEARCH_USE, verify
from medsiam.encoders import Architecture, Verification, new_encoder
from medsiam.errors import EncoderMismatchError
from medsiam.preprocessing import Recipe
from medsiam.scans import Scan


def encoder_with(verification=None, **architecture):
    encoder = new_encoder(
        Architecture(
            spatial_dims=2, backbone="resnet10", width=0.25, embedding_dim=8, **architecture
        ),
        Recipe(spatial_dims=2, spatial_size=(24, 24)),
        name="tiny",
        licence="CC0-1.0",
    )
    return encoder.with_card(verification=verification) if verification else encoder


CALIBRATED = Verification(
    threshold=0.4,
    slope=-10.0,
    intercept=3.0,
    n_pairs=500,
    n_subjects=40,
    measured_on="validation part of somewhere",
    reason=None,
)


def scan(seed: int, **facts) -> Scan:
    values = np.random.default_rng(seed).uniform(0, 255, (24, 24)).astype(np.float32)
    return Scan(array=values, spatial_dims=2, **facts)


def cosine(encoder, *scans):
    a, b = encoder.embed(scans).astype(np.float64)
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_distance_threshold_and_probability():
    encoder = encoder_with(CALIBRATED)
    result = verify(scan(1), scan(2), encoder)
    distance = cosine(encoder, scan(1), scan(2))
    assert result.distance == pytest.approx(distance, abs=1e-6)
    assert result.probability == pytest.approx(1 / (1 + math.exp(10 * distance - 3)), abs=1e-4)
    assert (result.threshold, result.same) == (0.4, distance <= 0.4)
    assert result.probability_source == "calibration"
    assert result.encoder_fingerprint == encoder.fingerprint
    assert (result.n_pairs, result.n_subjects) == (500, 40)
    assert result.reason is result.probability_reason is None
    assert result.notes == ()
    assert result.research_use == RESEARCH_USE


def test_either_scan_may_be_named_first():
    encoder = encoder_with(CALIBRATED)
    one, other = verify(scan(1), scan(2), encoder), verify(scan(2), scan(1), encoder)
    assert (one.distance, one.probability) == (other.distance, other.probability)


@pytest.mark.parametrize(
    ("threshold", "verdict"), [(2.0, "same condition"), (0.0, "different conditions")]
)
def test_the_sentence_says_what_the_numbers_mean(threshold, verdict):
    card = CALIBRATED.model_copy(update={"threshold": threshold})
    result = verify(scan(1), scan(2), encoder_with(card))
    assert verdict in result.text
    assert f"threshold {threshold}" in result.text
    assert f"probability of one condition {result.probability:.2f}" in result.text
    assert "equally likely beforehand" in result.text


def test_an_encoder_without_threshold_judges_nothing():
    result = verify(scan(1), scan(2), encoder_with())
    assert result.threshold is result.same is result.probability is None
    assert result.reason == "no threshold was calibrated for this encoder"
    assert result.probability_reason == result.reason
    assert "not judged (no threshold was calibrated" in result.text


def test_the_probability_is_that_of_the_match_head_where_there_is_one():
    encoder = encoder_with(CALIBRATED, match_head=True)
    result = verify(scan(1), scan(2), encoder)
    a, b = encoder.embed([scan(1), scan(2)])
    head = encoder.network.match_head
    weight, bias = head.weight.tolist(), head.bias.item()
    logit = bias + sum(w * abs(float(x) - float(y)) for w, x, y in zip(weight, a, b, strict=True))
    assert result.probability == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-5)
    assert result.probability_source == "match_head"
    assert "by the encoder's match head" in result.text


def test_a_match_head_learned_before_whitening_is_not_asked():
    encoder = encoder_with(CALIBRATED, match_head=True, whitened_domains=1)
    assert verify(scan(1), scan(2), encoder).probability_source == "calibration"


def test_the_same_pixels_are_no_finding():
    result = verify(scan(1), scan(1), encoder_with(CALIBRATED))
    assert result.distance == pytest.approx(0, abs=1e-6)
    assert result.probability is None
    assert "same pixels" in result.probability_reason
    assert "same pixels" in result.notes[0]


def test_scans_of_one_patient_get_no_probability_and_no_name():
    pair = [scan(i, patient_id=name) for i, name in ((1, "SECRET^1"), (2, " SECRET^1 "))]
    result = verify(*pair, encoder_with(CALIBRATED, match_head=True))
    assert result.probability is None
    assert "of one patient" in result.notes[0]
    assert "SECRET" not in repr(dataclasses.asdict(result))
    other = verify(pair[0], scan(2, patient_id="SECRET^2"), encoder_with(CALIBRATED))
    assert other.probability is not None


def test_two_modalities_are_said():
    result = verify(scan(1, modality="CT"), scan(2, modality="MR"), encoder_with(CALIBRATED))
    assert "two modalities (CT and MR)" in result.notes[0]


def test_a_close_call_is_said():
    card = CALIBRATED.model_copy(update={"threshold": 2.0, "intercept": -5.0})
    assert "close call" in verify(scan(1), scan(2), encoder_with(card)).notes[0]


def test_an_image_and_a_volume_are_refused():
    volume = Scan(array=np.zeros((8, 8, 8), np.float32), spatial_dims=3)
    with pytest.raises(EncoderMismatchError, match="first scan is 2D and the second 3D"):
        verify(scan(1), volume, encoder_with(CALIBRATED))
    with pytest.raises(EncoderMismatchError, match="3D"):
        verify(volume, volume, encoder_with(CALIBRATED))


def test_an_answer_that_contradicts_itself_cannot_be_built():
    result = verify(scan(1), scan(2), encoder_with(CALIBRATED))
    for changes in ({"same": None}, {"probability": None}, {"distance": math.nan}):
        with pytest.raises(ValueError, match=r"give|number"):
            dataclasses.replace(result, **changes)


def test_nothing_is_left_in_training_or_with_gradients():
    encoder = encoder_with(CALIBRATED, match_head=True)
    verify(scan(1), scan(2), encoder)
    assert all(parameter.grad is None for parameter in encoder.network.parameters())
    assert torch.is_grad_enabled()
