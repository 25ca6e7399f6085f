"""Requests and scans as one line of JSON each, and the values of the array: no pickle.

What passes between the process that asks for a scan and the one that decodes it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from medsiam.errors import ScanError
from medsiam.scans.decode import Request
from medsiam.scans.faults import FAULTS, ScanWarning
from medsiam.scans.limits import MAX_VOXELS
from medsiam.scans.scan import Scan, VoiTable
from medsiam.scans.sniff import Kind

READY = b"medsiam reads\n"  # the first thing that the decoding process says
_MOST_CHANNELS = 4


@dataclass(frozen=True)
class Order:
    """A request and what the decoding process must know to carry it out.

    Attributes:
        request: what is to be decoded.
        folder: the working folder, from which relative paths count; None where it is gone.
        seconds: after which nobody waits for the answer.
    """

    request: Request
    folder: str | None
    seconds: float


def order_line(order: Order) -> bytes:
    """Return the order as one line."""
    asked = order.request
    request = {
        "kind": asked.kind,
        "path": str(asked.path),
        "files": [str(file) for file in asked.files],
        "part": asked.part,
        "allow_resample": asked.allow_resample,
    }
    return _line({"request": request, "folder": order.folder, "seconds": order.seconds})


def order_of(line: bytes) -> Order:
    """Return the order of a line."""
    document = json.loads(line)
    request = document["request"]
    made = Request(
        kind=cast("Kind", request["kind"]),
        path=Path(request["path"]),
        files=tuple(Path(file) for file in request["files"]),
        part=request["part"],
        allow_resample=request["allow_resample"],
    )
    return Order(made, document["folder"], document["seconds"])


def fault_line(error: ScanError) -> bytes:
    """Return the answer that says why there is no scan."""
    return _line({"fault": {"code": error.code, "message": str(error)}})


def scan_answer(scan: Scan) -> tuple[bytes, memoryview]:
    """Return the line that describes a scan, and the bytes of its array that follow it.

    The axes travel in the order in which they lie in memory, so that nothing is copied.
    """
    strides = scan.array.strides
    axes = sorted(range(len(strides)), key=lambda axis: -abs(strides[axis]))
    values = np.ascontiguousarray(scan.array.transpose(axes))
    facts = {f.name: _plain(getattr(scan, f.name)) for f in fields(scan) if f.name != "array"}
    return _line({"scan": facts, "shape": values.shape, "axes": axes}), values.data.cast("B")


def answer_of(line: bytes) -> ScanError | dict[str, Any]:
    """Return the fault of an answer, or the document that describes a scan.

    Raises:
        ValueError, KeyError, TypeError: for a line that is no answer.
    """
    document: dict[str, Any] = json.loads(line)
    if "fault" not in document:
        return document
    code, message = document["fault"]["code"], document["fault"]["message"]
    if code not in FAULTS or not isinstance(message, str):
        raise ValueError("no known fault")
    return ScanError(code, message)


def empty_values(document: dict[str, Any]) -> NDArray[np.float32]:
    """Return the memory that is to take the bytes after an answer.

    Raises:
        ValueError, KeyError, TypeError: for a shape that no scan has.
    """
    shape = tuple(document["shape"])
    whole = all(isinstance(n, int) and n > 0 for n in shape)
    if not whole or len(shape) not in (2, 3, 4) or math.prod(shape) > _MOST_CHANNELS * MAX_VOXELS:
        raise ValueError("no shape of a scan")
    return np.empty(shape, np.float32)


def scan_of(document: dict[str, Any], values: NDArray[np.float32]) -> Scan:
    """Return the scan of an answer and its values.

    Raises:
        ValueError, KeyError, TypeError: for facts that no scan has.
    """
    axes = document["axes"]
    if sorted(axes) != list(range(values.ndim)):
        raise ValueError("no order of axes")
    facts = {name: _rich(value) for name, value in document["scan"].items()}
    return Scan(array=values.transpose(np.argsort(axes)), **facts)


def _line(document: dict[str, Any]) -> bytes:
    # ASCII keeps file names that are no valid UTF-8: their odd bytes are lone surrogates.
    return json.dumps(document, ensure_ascii=True).encode("ascii") + b"\n"


def _plain(value: object) -> Any:
    """Return a value as JSON has it; what JSON does not know is named by its kind."""
    if isinstance(value, ScanWarning):
        return {"warning": [value.code, str(value)]}
    if isinstance(value, VoiTable):
        return {"table": [value.name, value.first, list(value.levels)]}
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, np.ndarray):
        return {"matrix": value.astype(np.float64).tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_rich(part) for part in value)
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "warning":
        return ScanWarning(*held)
    if kind == "table":
        return VoiTable(held[0], held[1], tuple(held[2]))
    if kind == "path":
        return Path(held)
    if kind == "matrix":
        return np.asarray(held, np.float64)
    raise ValueError("no known kind of value")
