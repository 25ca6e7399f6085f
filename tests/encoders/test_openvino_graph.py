from __future__ import annotations

import pytest
import torch

from medsiam.encoders import export_openvino
from medsiam.encoders.exported import Exported
from medsiam.encoders.openvino_graph import OpenVinoGraph
from medsiam.encoders.openvino_package import openvino
from medsiam.errors import EncoderError
from tests.encoders.exporting import batch, whitened


@pytest.fixture(scope="module")
def encoder():
    return whitened(2)


@pytest.fixture(scope="module")
def exported(encoder) -> Exported:
    return export_openvino(encoder)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_maps_are_those_of_torch_in_their_order(encoder, exported, n):
    scans = batch(encoder, n, seed=n)
    found = OpenVinoGraph(exported, "openvino").view_maps(scans)
    with torch.no_grad():
        expected = encoder.network.view_maps(scans)
    assert [[maps.shape for maps in view] for view in found] == [
        [maps.shape for maps in view] for view in expected
    ]
    for view, other in zip(found, expected, strict=True):
        for maps, known in zip(view, other, strict=True):
            torch.testing.assert_close(maps, known, rtol=1e-4, atol=1e-4 * known.abs().max().item())


def test_answers_stay_when_the_graph_is_asked_again(encoder, exported):
    graph = OpenVinoGraph(exported, "openvino")
    first = graph.view_maps(batch(encoder, 1, seed=1))[0][0]
    kept = first.clone()
    graph.view_maps(batch(encoder, 1, seed=2))
    assert torch.equal(first, kept)


def test_full_precision_is_full_precision(encoder, exported):
    # Where it is left to itself, OpenVINO takes bf16 on a processor that has it.
    graph = OpenVinoGraph(exported, "openvino")
    compiled = graph._compiled("LATENCY")
    assert compiled.get_property("INFERENCE_PRECISION_HINT") == openvino().Type.f32


def test_scans_laid_out_in_any_way(encoder, exported):
    scans = batch(encoder, 3)
    last = scans.contiguous(memory_format=torch.channels_last)
    graph = OpenVinoGraph(exported, "openvino")
    assert torch.equal(graph.view_maps(scans)[0][0], graph.view_maps(last)[0][0])


def test_a_graph_that_is_none(exported):
    graph = OpenVinoGraph(Exported(exported.card, b"<net/>", b""), "openvino")
    with pytest.raises(EncoderError, match=r"cannot run the exported graph .* export it again"):
        graph.view_maps(torch.zeros(1, 1, 40, 32))


def test_a_processor_without_bf16(exported, monkeypatch):
    monkeypatch.setattr("medsiam.encoders.openvino_graph.has_bf16", lambda: False)
    with pytest.raises(EncoderError, match="does not compute in bf16"):
        OpenVinoGraph(exported, "openvino-bf16").view_maps(torch.zeros(1, 1, 40, 32))
