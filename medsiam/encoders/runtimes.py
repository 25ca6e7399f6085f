"""The names of what can run an encoder's network."""

from __future__ import annotations

from typing import Literal, get_args

RuntimeName = Literal["torch", "openvino", "openvino-bf16"]
RuntimeChoice = Literal["auto", "torch", "openvino", "openvino-bf16"]
RUNTIMES: tuple[str, ...] = get_args(RuntimeChoice)
