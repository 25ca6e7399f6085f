"""What a run folder says of a training run: how far it is, its curves, how it was set up."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medsiam.errors import UsageError

CONFIG = "config.toml"
_DEEPEST = 3
_MOST_FOLDERS = 2000
_EPOCHS_OF_SILENCE = 3  # after which a run is taken for stopped
_LEAST_SILENCE = 600.0  # seconds

State = Literal["running", "finished", "stopped"]


@dataclass(frozen=True)
class RunRecord:
    """One run folder, read without torch.

    Attributes:
        folder: where it lies.
        state: "finished" where the encoder was written; else "running" where something was written
            a short while ago, and "stopped" where not: files do not tell more.
        silent: seconds since the folder was last written to.
        epochs: one record per epoch of training, as in metrics.jsonl.
        config: text of config.toml, as resolved.
        environment: versions, machine and data, as in environment.json; {} where there is none.
        best_epoch: the one with the best validation, the later of two; None without validation.
    """

    folder: Path
    state: State
    silent: float
    epochs: tuple[dict[str, Any], ...]
    config: str
    environment: dict[str, Any]
    best_epoch: int | None


def list_run_folders(folder: Path | str) -> tuple[Path, ...]:
    """Return the run folders at or below a folder, last written first; links are not followed.

    Raises:
        UsageError: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; name one that holds runs of `medsiam train`")
    found, level = [root], [root]
    for _ in range(_DEEPEST):
        level = [
            path
            for parent in level
            if not (parent / CONFIG).is_file()
            for path in sorted(parent.iterdir())
            if path.is_dir() and not path.is_symlink()
        ]
        found += level
        if len(found) > _MOST_FOLDERS:
            break
    runs = [path for path in found if (path / CONFIG).is_file()]
    return tuple(sorted(runs, key=lambda path: (-_last_written(path), path.name)))


def read_run_record(folder: Path | str, *, now: float | None = None) -> RunRecord:
    """Read one run folder, also while it is written.

    Args:
        folder: with a config.toml.
        now: seconds since the epoch; None: the clock's.

    Raises:
        UsageError: it is no run folder, or a file in it is damaged.
    """
    path = Path(folder)
    if not (path / CONFIG).is_file():
        raise UsageError(f"{path.name}: no run of `medsiam train`: there is no {CONFIG} in it")
    try:
        epochs = _epochs(path / "metrics.jsonl")
        config = (path / CONFIG).read_text("utf-8")
        environment = _document(path / "environment.json")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path.name}: its files cannot be read ({type(error).__name__}); a run that goes on "
            "writes them anew"
        ) from error
    silent = max(0.0, (time.time() if now is None else now) - _last_written(path))
    return RunRecord(
        path, _state(path, epochs, silent), silent, epochs, config, environment, _best(epochs)
    )


def _state(path: Path, epochs: tuple[dict[str, Any], ...], silent: float) -> State:
    if (path / "encoder" / "card.json").is_file():
        return "finished"
    slowest = max((float(epoch.get("seconds", 0.0)) for epoch in epochs), default=0.0)
    patience = max(_LEAST_SILENCE, _EPOCHS_OF_SILENCE * slowest)
    return "running" if silent <= patience else "stopped"


def _best(epochs: tuple[dict[str, Any], ...]) -> int | None:
    """As in training: of equal scores the later epoch was kept."""
    scored = [
        (epoch["validation_score"], epoch["epoch"])
        for epoch in epochs
        if epoch.get("validation_score") is not None
    ]
    return max(scored)[1] if scored else None


def _epochs(path: Path) -> tuple[dict[str, Any], ...]:
    if not path.is_file():
        return ()
    epochs = tuple(json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
    if not all(isinstance(epoch, dict) and "epoch" in epoch for epoch in epochs):
        raise ValueError("a line is no epoch")
    return epochs


def _document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    document = json.loads(path.read_text("utf-8"))
    if not isinstance(document, dict):
        raise ValueError("no document")
    return document


def _last_written(folder: Path) -> float:
    """The newest time of its files and of those one folder below, such as the checkpoint."""
    times = [
        path.stat().st_mtime
        for pattern in ("*", "*/*")
        for path in folder.glob(pattern)
        if path.is_file()
    ]
    return max(times, default=0.0)
