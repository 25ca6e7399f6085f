"""The option --runtime, of every command that embeds scans."""

from __future__ import annotations

import argparse

from medsiam.encoders import RUNTIMES, RuntimeChoice


def add_runtime(parser: argparse.ArgumentParser, *, default: RuntimeChoice) -> None:
    """Add the option.

    Args:
        parser: of the command.
        default: "torch" for commands that embed one or two scans: making a graph ready takes
            longer than it saves there.
    """
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default=default,
        help="what runs the encoder: auto takes OpenVINO in full precision where it is installed "
        f"and `medsiam export` was run, else torch (default {default})",
    )
