"""Where a run stands, as one file: written whole or not at all, so a kill finds the last one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from medsiam.errors import MedsiamError
from medsiam.writing import write_atomically

_FILE = Path("checkpoints") / "last.safetensors"


@dataclass
class Progress:
    """How far a run has come; the JSON part of a checkpoint.

    Attributes:
        phase: what is being trained: "pretraining" or "training".
        step: steps of this phase that are done.
        losses: of the steps of the unfinished epoch.
        seconds: the unfinished epoch has taken.
        history: one record per finished epoch of training, as in metrics.jsonl.
        best_epoch: from 1; 0: none yet.
        best_score: validation score of that epoch.
        improved: epoch of the last rise of the score.
        n_compared: pairs, triplets and the like of the unfinished epoch.
        warnings: sentences said so far.
        alarms: kinds of alarms among them.
        ended: whether the phase is over before its last step.
    """

    phase: str
    step: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = 0.0
    improved: int = 0
    n_compared: int = 0
    warnings: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    ended: bool = False


def save_checkpoint(run: Path, progress: Progress, tensors: dict[str, torch.Tensor]) -> None:
    """Replace the checkpoint of a run folder.

    Raises:
        OutputError: where it cannot be written; the one before is still there.
    """
    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    said = {"progress": json.dumps(asdict(progress), allow_nan=False)}
    write_atomically(run / _FILE, save_tensors(whole, said))


def load_checkpoint(run: Path) -> tuple[Progress, dict[str, torch.Tensor]] | None:
    """Return the checkpoint of a run folder; None where none was written yet.

    Raises:
        MedsiamError: a damaged one.
    """
    path = run / _FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {})["progress"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Progress(**said), tensors
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise MedsiamError(
            f"{path} is damaged and the run cannot be resumed from it; remove it to train from "
            "the beginning"
        ) from error


def with_prefix(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Put a name before each tensor's own."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def below_prefix(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Take out what `with_prefix` put in, under its own names."""
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
