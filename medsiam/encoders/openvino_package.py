"""The package openvino, without its reports to its maker.

Imported plainly, openvino 2026.4 makes a folder in the user's home and sends an event to Google
Analytics, unless the user said no beforehand (`openvino_telemetry`, started by
`openvino.tools.ovc`). It goes on without where that package is not there.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_REPORTS = "openvino_telemetry"


def openvino() -> Any:
    """Import openvino. It connects to nothing, unless someone else has imported it before."""
    # None: whoever imports it is told that there is no such module, and openvino has a stand-in.
    sys.modules.setdefault(_REPORTS, None)  # type: ignore[arg-type]
    return import_module("openvino")


@cache
def core() -> Any:
    """The one `openvino.Core` of this process, which is never let go.

    Its processor plugin gives the thread a stack for signals; where one of two cores ends, the
    thread is left with a stack that is gone, and the next Ctrl-C ends the process by a
    segmentation fault (openvino 2026.4).
    """
    return openvino().Core()


def has_bf16() -> bool:
    """Whether the processor computes in bf16; elsewhere OpenVINO would take f32 without a word."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def openvino_version() -> str | None:
    """Its version, without importing it; None where it is not installed."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None
