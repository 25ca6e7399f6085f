"""`medsiam train`: a configuration in, a run folder with an encoder out."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="train a twin encoder from a case table",
        description="Train a twin encoder as CONFIG.toml says. The run folder holds the resolved "
        "configuration, the split, the metrics of every epoch and the encoder.",
        epilog="example: medsiam train configs/training/chula_2d.toml schedule.epochs=5 "
        "run.name=short",
    )
    parser.add_argument("config", metavar="CONFIG.toml", type=Path)
    parser.add_argument(
        "overrides",
        metavar="section.key=value",
        nargs="*",
        help="replace one setting of the configuration",
    )
    parser.add_argument(
        "--out", metavar="RUN", type=Path, help="run folder (default: runs/NAME-UTC-TIME)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.cli.terminal import print_json, print_text
    from medsiam.config import load_config
    from medsiam.training import TrainingConfig, train

    config = load_config(args.config, TrainingConfig, args.overrides)
    out = args.out or Path("runs") / f"{config.run.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    result = train(config, out=out)
    if args.json:
        print_json(
            {
                "run": str(result.folder),
                "encoder": str(result.folder / "encoder"),
                "encoder_fingerprint": result.encoder.fingerprint,
                "best_epoch": result.best_epoch,
                "validation_score": result.score,
                "metrics": [metric.model_dump() for metric in result.encoder.card.metrics],
                "warnings": list(result.warnings),
            }
        )
        return 0
    for metric in result.encoder.card.metrics:
        print_text(
            f"{metric.name}: {metric.value:.3f} [{metric.low:.2f}, {metric.high:.2f}], "
            f"{metric.n} {metric.unit_of_n}; chance {metric.chance:.2f}, "
            f"majority {metric.majority:.2f}"
        )
    print_text(f"best epoch: {result.best_epoch}")
    print_text(f"encoder: {result.folder / 'encoder'}")
    return 0
