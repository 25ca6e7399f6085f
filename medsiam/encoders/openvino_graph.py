"""A backbone run by OpenVINO: the same feature maps as torch gives, mostly faster.

The graph takes one scan, whatever the batch: a network converted with a batch keeps what it did
for that batch, and one scan's embedding would depend on its neighbours. Several scans go through
side by side, one on each core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medsiam.encoders.exported import Exported
from medsiam.encoders.openvino_package import core, has_bf16, openvino
from medsiam.encoders.runtimes import RuntimeName
from medsiam.errors import EncoderError

_PRECISIONS = {"openvino": "f32", "openvino-bf16": "bf16"}
Maps = list[list[torch.Tensor]]
Array = NDArray[np.float32]


class OpenVinoGraph:
    """An exported graph, made ready when it is first used.

    One scan is answered as soon as possible, several are answered as many as possible in a second:
    two plans for the same graph, each made when it is needed.
    """

    def __init__(self, exported: Exported, runtime: RuntimeName) -> None:
        self._exported = exported
        self._runtime = runtime
        self._model: Any = None
        self._one: Any = None
        self._queue: Any = None

    def view_maps(self, images: torch.Tensor) -> Maps:
        """As `TwinEncoder.view_maps`: (n, in_channels, *size) -> maps of each view.

        Raises:
            EncoderError: a graph that OpenVINO cannot run, or bf16 on a processor without it.
        """
        arrays = images.contiguous().numpy()
        found = [self._of_one(arrays)] if len(arrays) == 1 else self._of_several(arrays)
        joined = [torch.from_numpy(np.concatenate(maps)) for maps in zip(*found, strict=True)]
        n = self._exported.card.n_maps
        return [joined[start : start + n] for start in range(0, len(joined), n)]

    def _of_one(self, array: Array) -> list[Array]:
        if self._one is None:
            self._one = self._compiled("LATENCY").create_infer_request()
        results = self._one.infer([array], share_inputs=True)
        return [results[place].copy() for place in range(len(results))]

    def _of_several(self, arrays: Array) -> list[list[Array]]:
        if self._queue is None:
            self._queue = openvino().AsyncInferQueue(self._compiled("THROUGHPUT"))
            self._queue.set_callback(_keep)
        found: list[list[Array]] = [[] for _ in arrays]
        for place in range(len(arrays)):
            self._queue.start_async([arrays[place : place + 1]], found[place], share_inputs=True)
        self._queue.wait_all()
        return found

    def _compiled(self, hint: str) -> Any:
        if self._runtime == "openvino-bf16" and not has_bf16():
            raise EncoderError(
                "this processor does not compute in bf16: use --runtime openvino or torch"
            )
        # Without the first, OpenVINO takes bf16 wherever a processor has it.
        settings = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[self._runtime],
            "PERFORMANCE_HINT": hint,
        }
        try:
            if self._model is None:
                self._model = core().read_model(self._exported.graph, self._exported.values)
            return core().compile_model(self._model, "CPU", settings)
        except Exception as error:  # OpenVINO raises RuntimeError, and plain Exception
            raise EncoderError(
                f"OpenVINO {openvino().__version__} cannot run the exported graph of this encoder: "
                "export it again (`medsiam export`), or use --runtime torch"
            ) from error


def _keep(request: Any, found: list[Array]) -> None:
    found += [tensor.data.copy() for tensor in request.output_tensors]
