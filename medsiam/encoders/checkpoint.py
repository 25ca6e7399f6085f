"""An encoder as a folder: weights.safetensors and card.json. Nothing else is ever loaded."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch.overrides import TorchFunctionMode

from medsiam._version import __version__
from medsiam.encoders.card import EncoderCard
from medsiam.encoders.encoder import Encoder
from medsiam.encoders.exported import choose_runtime, find_exported
from medsiam.encoders.fingerprint import fingerprint
from medsiam.encoders.runtimes import RuntimeChoice
from medsiam.encoders.shipped import SHIPPED, encoder_folder
from medsiam.encoders.twin import TwinEncoder
from medsiam.errors import EncoderError, MedsiamError, OutputError
from medsiam.writing import replace_folder

WEIGHTS = "weights.safetensors"
CARD = "card.json"

_LARGEST_CARD = 16 * 2**20  # bytes
_FAULTS_SHOWN = 4

# What MONAI and torch draw first weights with.
_FILLS = (
    torch.Tensor.normal_,
    torch.Tensor.uniform_,
    torch.Tensor.erfinv_,
    torch.Tensor.mul_,
    torch.Tensor.add_,
    torch.Tensor.clamp_,
)


def save_encoder(encoder: Encoder, folder: Path | str) -> None:
    """Write an encoder so that a crash leaves the folder as it was, or complete.

    Weights that all are whole numbers of half precision (`in_half_precision`) take half the room.

    A graph that was exported for it goes with it. An encoder that lies there already is replaced,
    with all that was made of it.

    Raises:
        EncoderError: weights that changed since the card was made.
        OutputError: the folder cannot be written, or holds something that is no encoder.
    """
    target = Path(folder).absolute()
    tensors = {name: value.contiguous() for name, value in encoder.network.state_dict().items()}
    card = encoder.card
    if fingerprint(tensors, card.architecture, card.recipe) != card.fingerprint:
        raise EncoderError(
            f"{encoder!r}: the weights changed since its card was made, so its fingerprint is "
            "wrong; save encoder.with_card(...)"
        )
    if target.exists() and not _replaceable(target):
        raise OutputError(f"{target} exists and is no encoder; name another folder")
    stored = {name: _smallest(value) for name, value in tensors.items()}
    files = {
        WEIGHTS: save_tensors(stored),
        CARD: (card.model_dump_json(indent=2) + "\n").encode(),
    }
    if encoder.exported is not None:
        files |= encoder.exported.files()
    try:
        replace_folder(target, files)
    except OSError as error:
        raise OutputError(f"cannot write the encoder to {target}: {error.strerror}") from error


def in_half_precision(encoder: Encoder) -> Encoder:
    """Round an encoder's weights to half precision (they are still held as float32).

    Tensors with values beyond its range, as variances may be, stay as they are.
    """
    network = copy.deepcopy(encoder.network)
    network.load_state_dict({name: _rounded(value) for name, value in network.state_dict().items()})
    return Encoder(network, encoder.card).with_card()


def _rounded(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.dtype != torch.float32:
        return tensor
    rounded = tensor.half().float()
    return rounded if torch.isfinite(rounded).all() else tensor


def load_encoder(
    folder: Path | str, *, runtime: RuntimeChoice = "auto", called: str | None = None
) -> Encoder:
    """Read an encoder, in evaluation mode, and check it against its fingerprint.

    Args:
        folder: of an encoder, or the name of one that medsiam ships (`SHIPPED`).
        runtime: what embeds scans. "auto": OpenVINO in full precision, where it is installed and
            the encoder was exported for it (`medsiam export`), else torch.
        called: what errors call it; None: the folder.

    Raises:
        EncoderError: a missing or damaged file, tensors other than the architecture's,
            weights, recipe or architecture changed since they were saved, or a runtime that
            cannot be had.
        MissingExtraError: OpenVINO is asked for and not installed.
    """
    source = encoder_folder(folder)
    if not source.is_dir():
        raise EncoderError(
            f"no encoder at {source}: there is no such folder, and the shipped encoders are "
            f"{', '.join(SHIPPED)}"
        )
    card = read_card(source)
    network = _network_without_weights(source, card)
    tensors = _read_weights(source / WEIGHTS)
    _check_tensors(source / WEIGHTS, tensors, network.state_dict())
    if fingerprint(tensors, card.architecture, card.recipe) != card.fingerprint:
        raise EncoderError(
            f"{source}: weights and {CARD} do not belong together, or a file was changed or "
            "damaged (their sha256 is not the card's fingerprint); copy the encoder again"
        )
    network.load_state_dict(tensors, assign=True)
    exported = None if runtime == "torch" else find_exported(source, card.fingerprint)
    used = choose_runtime(runtime, exported, name=called or str(folder))
    return Encoder(network.eval(), card, runtime=used, exported=exported)


def read_card(folder: Path | str) -> EncoderCard:
    """Read the card of an encoder without its weights (their fingerprint is not checked).

    Raises:
        EncoderError: no card, or one that this version cannot read.
    """
    path = encoder_folder(folder) / CARD
    content = _read(path, at_most=_LARGEST_CARD)
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"{path} is not JSON: the encoder is damaged") from error
    try:
        # As JSON, not as Python objects: lists stand for tuples there.
        return EncoderCard.model_validate_json(content)
    except ValidationError as error:
        faults = _faults(error) + _age(document)
        raise EncoderError(f"{path} is no encoder card: {faults}") from error


def _read(path: Path, *, at_most: int | None = None) -> bytes:
    try:
        if at_most is not None and path.stat().st_size > at_most:
            raise EncoderError(f"{path} is larger than any {path.name} can be")
        return path.read_bytes()
    except FileNotFoundError:
        raise EncoderError(
            f"no encoder at {path.parent}: {path.name} is missing "
            f"(an encoder is a folder with {WEIGHTS} and {CARD})"
        ) from None
    except OSError as error:
        raise EncoderError(f"cannot read {path}: {error.strerror}") from error


def _faults(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'card'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    ]
    more = [f"and {len(faults) - _FAULTS_SHOWN} more"] if len(faults) > _FAULTS_SHOWN else []
    return "; ".join(faults[:_FAULTS_SHOWN] + more)


def _age(document: object) -> str:
    version = document.get("medsiam_version") if isinstance(document, dict) else None
    if not isinstance(version, str) or version == __version__:
        return ""
    return f" (written by medsiam {version[:20]!r}, this is {__version__})"


def _network_without_weights(source: Path, card: EncoderCard) -> TwinEncoder:
    """Build the network without memory for its weights: quick, and safe for any card."""
    try:
        with torch.device("meta"), _NoRandomFill():
            return TwinEncoder.from_architecture(card.architecture)
    except (MedsiamError, RuntimeError, ValueError, OverflowError) as error:
        raise EncoderError(f"{source / CARD}: its network cannot be built: {error}") from error


class _NoRandomFill(TorchFunctionMode):
    """Leave out the drawing of first weights, which on meta tensors imports torch's compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _FILLS:
            return args[0]
        return func(*args, **(kwargs or {}))


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        tensors = load_tensors(_read(path))
        return {
            name: value.float() if value.dtype == torch.float16 else value
            for name, value in tensors.items()
        }
    except (SafetensorError, ValueError, KeyError) as error:
        raise EncoderError(f"{path} is no safetensors file, or a damaged one") from error


def _check_tensors(
    path: Path, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    wrong = [
        f"{name} {'missing' if name not in found else 'unknown'}"
        for name in sorted(found.keys() ^ expected.keys())
    ]
    for name in sorted(found.keys() & expected.keys()):
        ours, theirs = expected[name], found[name]
        if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            wrong.append(
                f"{name} is {theirs.dtype} {tuple(theirs.shape)}, not {ours.dtype} "
                f"{tuple(ours.shape)}"
            )
        elif not torch.isfinite(theirs).all():
            wrong.append(f"{name} holds NaN or infinite values")
    if wrong:
        more = f"; and {len(wrong) - _FAULTS_SHOWN} more" if len(wrong) > _FAULTS_SHOWN else ""
        raise EncoderError(
            f"{path}: not the tensors of the network on {CARD}: "
            + "; ".join(wrong[:_FAULTS_SHOWN])
            + more
        )


def _smallest(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in half precision where that changes no value."""
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if torch.equal(half.float(), tensor) else tensor


def _replaceable(target: Path) -> bool:
    return target.is_dir() and ((target / CARD).is_file() or not any(target.iterdir()))
