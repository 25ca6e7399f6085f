"""`medsiam train`: a configuration in, a run folder with an encoder and a report out."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.errors import UsageError

if TYPE_CHECKING:
    from medsiam.training import TrainingConfig, TrainingRun


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="train a twin encoder from a case table",
        description="Train a twin encoder as CONFIG.toml says. The run folder holds the resolved "
        "configuration, the split, the metrics of every epoch, a checkpoint, a report and the "
        "encoder. Ctrl-C saves and stops; --resume goes on from there, or from the last epoch "
        "after a kill, and ends with the same weights.",
        epilog="example: medsiam train configs/training/chula_2d.toml schedule.epochs=5 "
        "run.name=short; several processes: torchrun --nproc_per_node 2 -m medsiam train "
        "CONFIG.toml --out RUN",
    )
    parser.add_argument(
        "config", metavar="CONFIG.toml", nargs="?", help="may be left out with --resume"
    )
    parser.add_argument(
        "overrides",
        metavar="section.key=value",
        nargs="*",
        help="replace one setting of the configuration",
    )
    parser.add_argument(
        "--out", metavar="RUN", type=Path, help="run folder (default: runs/NAME-UTC-TIME)"
    )
    parser.add_argument(
        "--resume", metavar="RUN", type=Path, help="go on with the run in this folder"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.reports import write_training_page
    from medsiam.training import train

    config, folder = _what_and_where(args)
    result = train(config, out=folder, resume=args.resume is not None)
    if int(os.environ.get("RANK", "0")) == 0:  # of torchrun's processes the first one speaks
        write_training_page(folder)
        _print(result, as_json=args.json)
    return 0


def _what_and_where(args: argparse.Namespace) -> tuple[TrainingConfig, Path]:
    """The configuration and the run folder."""
    from medsiam.config import load_config
    from medsiam.training import TrainingConfig, read_config

    if args.resume is not None and args.out is not None:
        raise UsageError("give --out for a new run or --resume for one that was begun, not both")
    if args.resume is not None and (args.config is None or "=" in args.config):
        if args.config is not None:
            raise UsageError(
                f"{args.config}: a run that was begun keeps its settings; leave them out, or give "
                "CONFIG.toml and --out for a new run"
            )
        return read_config(args.resume), args.resume
    if args.config is None:
        raise UsageError("give a CONFIG.toml to train, or --resume RUN to go on with a run")
    config = load_config(args.config, TrainingConfig, args.overrides)
    if args.resume is not None:
        return config, args.resume
    if args.out is None and "RANK" in os.environ:
        raise UsageError("give --out: several processes must agree on one run folder")
    name = f"{config.run.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return config, args.out or Path("runs") / name


def _print(result: TrainingRun, *, as_json: bool) -> None:
    from medsiam.cli.terminal import print_json, print_text

    if as_json:
        print_json(
            {
                "run": str(result.folder),
                "encoder": str(result.folder / "encoder"),
                "report": str(result.folder / "report.html"),
                "encoder_fingerprint": result.encoder.fingerprint,
                "best_epoch": result.best_epoch,
                "validation_score": result.score,
                "metrics": [metric.model_dump() for metric in result.encoder.card.metrics],
                "warnings": list(result.warnings),
            }
        )
        return
    for metric in result.encoder.card.metrics:
        print_text(
            f"{metric.name}: {metric.value:.3f} [{metric.low:.2f}, {metric.high:.2f}], "
            f"{metric.n} {metric.unit_of_n}; chance {metric.chance:.3g}, "
            f"majority {metric.majority:.3g}"
        )
    print_text(f"best epoch: {result.best_epoch}")
    print_text(f"encoder: {result.folder / 'encoder'}")
    print_text(f"report: {result.folder / 'report.html'}")
