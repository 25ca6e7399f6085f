"""The command line: `medsiam COMMAND`, one thin module per command.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from medsiam._version import __version__
from medsiam.cli import (
    bank,
    compare,
    demo,
    embed,
    evaluate,
    export,
    info,
    listen,
    merge,
    review,
    reviews,
    score,
    train,
    verify,
)
from medsiam.cli.allocator import keep_freed_memory
from medsiam.errors import MedsiamError, OutputError

__all__ = ["main"]

_COMMANDS = (
    demo,
    info,
    train,
    embed,
    evaluate,
    verify,
    bank,
    compare,
    score,
    merge,
    listen,
    review,
    reviews,
    export,
)
_RESEARCH_USE = "medsiam: research use only, not a medical device, not for diagnosis"
_EXIT_CODES = (
    "exit codes: 0 all well; 2 usage; 3 nothing to do; 4 some inputs failed (results written); "
    "5 all failed; 6 bank or encoder refused; 7 cannot write; 8 locked; 130 interrupted"
)
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="medsiam",
        description="Compare a medical scan with a reference bank of rare conditions. "
        "Research use only. Not a medical device. Not for diagnosis.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"medsiam {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no error ends in a traceback."""
    args = build_parser().parse_args(argv)
    # Threads that spin while they wait make torch several times slower on a machine that has
    # other work too. Read when torch is first imported, which no command has done yet.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    print(_RESEARCH_USE, file=sys.stderr)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except MedsiamError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno in _DISK:
            return _fail(f"{error.strerror}: {error.filename or 'output'}", OutputError.exit_code)
        return _unexpected(error)
    except Exception as error:  # the last line of defence: a fault of medsiam itself
        return _unexpected(error)


def _fail(message: str, code: int) -> int:
    print(f"medsiam: error: {message}", file=sys.stderr)
    return code


def _unexpected(error: Exception) -> int:
    if os.environ.get("MEDSIAM_TRACEBACK"):
        traceback.print_exc()
    # Only the kind of error: the text of a foreign exception may quote a header.
    return _fail(
        f"unexpected {type(error).__name__}; this is a fault of medsiam, please report it "
        "(MEDSIAM_TRACEBACK=1 shows where; look for patient data before you send it on)",
        MedsiamError.exit_code,
    )


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
