"""The run folder: what is needed to know, repeat and use a training run. No patient identifiers."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch

from medsiam._version import __version__
from medsiam.config import different_keys, dump_config, load_config
from medsiam.encoders import SHIPPED
from medsiam.errors import OutputError, UsageError
from medsiam.training.dataset import PreparedScans
from medsiam.training.inputs import NAMES, Inputs
from medsiam.training.settings import TrainingConfig
from medsiam.writing import check_writable, write_atomically

CONFIG = "config.toml"
_BEFORE_CONFIG = ("split.csv", "environment.json")  # written first; a kill may leave them alone


def check_run_folder(folder: Path, *, resume: bool = False) -> None:
    """Refuse a folder that cannot take a run; nothing is made until there is something to write.

    Args:
        folder: of the run; absent or empty.
        resume: a run killed before it wrote its configuration may lie in it.

    Raises:
        OutputError: if it holds something, is a file, or cannot be written.
    """
    check_writable(folder / CONFIG)
    if not folder.exists():
        return
    try:
        occupied = any(not (resume and _is_early(path.name)) for path in folder.iterdir())
    except OSError as error:
        raise OutputError(f"run folder {folder}: cannot be read ({error.strerror})") from error
    if occupied and resume:
        raise OutputError(
            f"run folder {folder}: it holds files but no {CONFIG}, so it is no run; give a new "
            "folder, or remove it"
        )
    if occupied:
        raise OutputError(
            f"run folder {folder}: not empty; give a new one with --out, go on with the old run "
            f"with --resume {folder}, or remove it"
        )


def _is_early(name: str) -> bool:
    """Whether a file may be there before the configuration, whole or as its temporary file."""
    names = (*_BEFORE_CONFIG, CONFIG)
    return name in _BEFORE_CONFIG or name.startswith(tuple(f".{known}." for known in names))


def write_config(folder: Path, config: TrainingConfig) -> None:
    """Write `config.toml`; it re-runs from anywhere."""
    dump_config(with_absolute_paths(config), folder / CONFIG)


def read_config(folder: Path) -> TrainingConfig:
    """Read the configuration of a run that was begun.

    Raises:
        UsageError: a folder without one.
        ConfigError: one that was changed and has faults.
    """
    if not (folder / CONFIG).is_file():
        raise UsageError(
            f"run folder {folder}: it holds no {CONFIG}, so there is no run to go on with; give "
            f"the configuration too: medsiam train CONFIG.toml --resume {folder}"
        )
    return load_config(folder / CONFIG, TrainingConfig)


def check_same_run(folder: Path, config: TrainingConfig, inputs: Inputs) -> None:
    """Refuse to go on with a run under another configuration, or with other scans or weights.

    Raises:
        UsageError: names the keys, or the inputs, that differ.
    """
    differing = different_keys(with_absolute_paths(config), read_config(folder))
    if differing:
        raise UsageError(
            f"run folder {folder}: begun with other values of {', '.join(differing)}; leave the "
            "configuration out to go on as it was begun, or give --out for a new run"
        )
    environment = folder / "environment.json"
    if not environment.is_file():
        return
    began = json.loads(environment.read_text("utf-8"))
    changed = [
        NAMES[name] for name, value in asdict(inputs).items() if began.get(name, value) != value
    ]
    if changed:
        raise UsageError(
            f"run folder {folder}: {' and '.join(changed)} are not what the run was begun with; "
            "put them back, or give --out for a new run"
        )


def with_absolute_paths(config: TrainingConfig) -> TrainingConfig:
    """Return the configuration with tables and start weights named from the root."""
    data = config.data.model_copy(update={"cases": config.data.cases.absolute()})
    changes: dict[str, Any] = {"data": data}
    if config.pretraining.cases is not None:
        cases = config.pretraining.cases.absolute()
        changes["pretraining"] = config.pretraining.model_copy(update={"cases": cases})
    weights = config.start.weights
    if weights not in (None, "imagenet", *SHIPPED) and Path(str(weights)).exists():
        named = {"weights": str(Path(str(weights)).absolute())}
        changes["start"] = config.start.model_copy(update=named)
    return config.model_copy(update=changes)


def write_environment(folder: Path, config: TrainingConfig, inputs: Inputs) -> None:
    """Write `environment.json`: versions, machine and data the weights depend on."""
    document = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "medsiam": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "monai": monai.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "seed": config.run.seed,
        **asdict(inputs),
    }
    write_atomically(folder / "environment.json", json.dumps(document, indent=2) + "\n")


def write_split(folder: Path, parts: Mapping[str, PreparedScans]) -> None:
    """Write `split.csv`: path, condition, part and a number that stands for the subject."""
    numbers: dict[str, int] = {}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("path", "condition", "part", "subject"))
    for part, scans in parts.items():
        for row in scans.rows:
            number = numbers.setdefault(row.subject, len(numbers) + 1)
            writer.writerow((row.path_text, row.condition, part, number))
    write_atomically(folder / "split.csv", stream.getvalue())


def write_metrics(folder: Path, epochs: list[dict[str, Any]]) -> None:
    """Write `metrics.jsonl`: one line per epoch so far."""
    lines = [json.dumps(epoch, allow_nan=False) + "\n" for epoch in epochs]
    write_atomically(folder / "metrics.jsonl", "".join(lines))
