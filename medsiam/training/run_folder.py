"""The run folder: what is needed to know, repeat and use a training run. No patient identifiers."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch

from medsiam._version import __version__
from medsiam.config import dump_config
from medsiam.errors import OutputError
from medsiam.training.dataset import PreparedScans
from medsiam.training.settings import TrainingConfig
from medsiam.writing import write_atomically


def create_run_folder(folder: Path) -> None:
    """Make the folder, or take an empty one.

    Raises:
        OutputError: if it holds something, is a file, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise OutputError(f"run folder {folder}: cannot be made ({error.strerror})") from error
    if occupied:
        raise OutputError(
            f"run folder {folder}: not empty; give a new one with --out, or remove the old run"
        )


def write_config(folder: Path, config: TrainingConfig) -> None:
    """Write `config.toml`, with the case table's absolute path: it re-runs from anywhere."""
    cases = config.data.cases.absolute()
    data = config.data.model_copy(update={"cases": cases})
    partial = folder / "config.toml.partial"
    dump_config(config.model_copy(update={"data": data}), partial)
    partial.replace(folder / "config.toml")


def write_environment(folder: Path, config: TrainingConfig, *, data_hash: str) -> None:
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
        "data_sha256": data_hash,
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
