"""Write an encoder's network as a graph: for OpenVINO, which medsiam runs itself, and as ONNX.

A graph takes one prepared scan. What a network does for a batch would be fixed to the batch that
it was traced with.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import nn

from medsiam._version import __version__
from medsiam.encoders.encoder import Encoder, evaluating
from medsiam.encoders.exported import GRAPH, VALUES, ExportCard, Exported
from medsiam.encoders.openvino_package import openvino, openvino_version
from medsiam.encoders.twin import TwinEncoder
from medsiam.errors import EncoderError, MissingExtraError

_OPSET = 17
_MEASURING = ("anatomy", "shape")


class _Maps(nn.Module):
    """The part of a network that takes nearly all its time, with one tuple as its result."""

    def __init__(self, network: TwinEncoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(maps for view in self.network.view_maps(x) for maps in view)


def export_openvino(encoder: Encoder) -> Exported:
    """Convert an encoder for OpenVINO and hold the result against torch.

    Only what comes before pooling is converted; the rest stays in torch. Takes some seconds.

    Raises:
        EncoderError: a backbone without a network, or a graph that gives other embeddings.
        MissingExtraError: without the extra `openvino`.
    """
    if openvino_version() is None:
        raise MissingExtraError(
            "exporting for OpenVINO needs the extra `openvino`: pip install 'medsiam[openvino]'"
        )
    if encoder.card.architecture.backbone == "shape":
        raise EncoderError(f"{encoder!r} measures shapes without a network: there is no graph")
    package = openvino()
    scan = encoder.probe_scan()
    with _tracing(encoder) as network, tempfile.TemporaryDirectory() as folder:
        n_maps = len(network.backbone.used_maps(scan))
        model = package.convert_model(_Maps(network), example_input=scan, input=[scan.shape])
        path = Path(folder) / GRAPH
        package.save_model(model, path, compress_to_fp16=False)
        graph, values = path.read_bytes(), (Path(folder) / VALUES).read_bytes()
    card = ExportCard(
        fingerprint=encoder.fingerprint,
        n_maps=n_maps,
        probe=tuple(encoder.on("torch").embed_tensors(scan)[0].tolist()),
        sha256={GRAPH: _sha256(graph), VALUES: _sha256(values)},
        medsiam_version=__version__,
        openvino=package.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    exported = Exported(card, graph, values)
    encoder.on("openvino", exported).embed_tensors(scan)  # raises where it differs
    return exported


def export_onnx(encoder: Encoder) -> bytes:
    """Return an encoder as one ONNX model, for other programs than medsiam.

    Its input `scan` is (1, in_channels, *spatial_size), prepared as the recipe says; its output
    `embedding` is (1, embedding_dim).

    Raises:
        EncoderError: a backbone that measures what it found, which is no graph of fixed steps.
        MissingExtraError: without the package onnx.
    """
    backbone = encoder.card.architecture.backbone
    if backbone in _MEASURING:
        raise EncoderError(
            f"{encoder!r}: its backbone, {backbone}, measures what it found in a scan, which ONNX "
            "has no operators for; `--format openvino` exports its network"
        )
    try:
        import onnx  # noqa: F401 - torch needs it to write the file
    except ImportError as error:
        raise MissingExtraError(
            "exporting as ONNX needs the extra `onnx`: pip install 'medsiam[onnx]'"
        ) from error
    with _tracing(encoder) as network, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        torch.onnx.export(
            network,
            (encoder.probe_scan(),),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["scan"],
            output_names=["embedding"],
        )
        return path.read_bytes()


@contextmanager
def _tracing(encoder: Encoder) -> Iterator[TwinEncoder]:
    """The network as it answers; shapes that a trace fixes are meant to be fixed."""
    with evaluating(encoder.network), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message="Constant folding", category=UserWarning)
        yield encoder.network


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
