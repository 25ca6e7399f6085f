"""Handwritten digits as a case table: real images, no phantoms, and there on any machine.

    python -m medsiam.phantoms.digits OUT

The images are those bundled with scikit-learn: 1797 digits of 8 x 8 pixels, the test part of the
"Optical Recognition of Handwritten Digits" of the UCI repository, by 13 writers. Which writer
wrote which digit is not bundled, so `patient_id` is empty and each digit stands alone: one
writer's hand may be on both sides of a split, and figures are those for known hands.

`cases.csv` lists the digits. `glyphs.csv` lists glyphs to train on, made of digits 0 to 6: the
upper half of one above the lower half of another, turned and mirrored, each combination a
condition. Seven conditions are few to learn from what tells unseen ones apart; as with alphabets
turned by quarter turns (A. Santoro et al., Meta-learning with memory-augmented neural networks,
ICML 2016), more of them teach more.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from medsiam.errors import OutputError

BASE_DIGITS = tuple(f"digit_{digit}" for digit in range(7))
UNSEEN_DIGITS = tuple(f"digit_{digit}" for digit in range(7, 10))

_COLUMNS = ("path", "condition", "patient_id", "group", "proof", "licence", "source", "notes")
_LICENCE = "CC BY 4.0"
_SOURCE = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI 1998, "
    "doi 10.24432/C50P49, test part, as bundled with scikit-learn"
)
_NOTES = "real handwriting, no medical image; the writer is not known"
_BRIGHTEST = 16


def write_digits(folder: Path | str) -> Path:
    """Write the digits as 8-bit PNG files, and the case table that lists them.

    Conditions are `BASE_DIGITS`, to train on, and `UNSEEN_DIGITS`, to measure on.

    Args:
        folder: made where needed; gets `cases.csv` and `images/`.

    Returns:
        The case table; its paths are relative to it.

    Raises:
        OutputError: where the folder cannot be written.
    """
    digits = load_digits()
    entries = [
        _Entry(f"images/{number:04d}_{digit}.png", f"digit_{digit}", "", _grey(values))
        for number, (values, digit) in enumerate(zip(digits.images, digits.target, strict=True))
    ]
    return _write(Path(folder), "cases.csv", entries)


def write_glyphs(folder: Path | str, *, n_groups: int = 30) -> Path:
    """Write glyphs made of the halves of digits 0 to 6, and the case table that lists them.

    A whole 0 or 1 looks nearly the same after half a turn or in a mirror, and is only turned once.
    A whole 6 is never turned by half a turn, for that is a 9, which must stay unseen.

    Args:
        folder: made where needed; gets `glyphs.csv` and `glyphs/`.
        n_groups: group 3 is made of the fourth image of every digit, so no two groups share a pen
            stroke. Each holds two of five conditions, in turn.

    Returns:
        The case table.

    Raises:
        OutputError: where the folder cannot be written.
    """
    digits = load_digits()
    by_digit = [digits.images[digits.target == digit] for digit in range(len(BASE_DIGITS))]
    conditions = [
        (upper, lower, turns, mirrored)
        for upper, lower in itertools.product(range(len(by_digit)), repeat=2)
        for turns, mirrored in _looks(upper, lower)
    ]
    entries = [
        _glyph(by_digit, group, condition)
        for group in range(n_groups)
        for number, condition in enumerate(conditions)
        if (number + group) % 5 < 2
    ]
    return _write(Path(folder), "glyphs.csv", entries)


def _glyph(
    by_digit: Sequence[NDArray[np.float64]], group: int, condition: tuple[int, int, int, bool]
) -> _Entry:
    """The upper half of one digit on the lower half of another, turned, then mirrored."""
    upper, lower, turns, mirrored = condition
    above, below = _grey(by_digit[upper][group]), _grey(by_digit[lower][group])
    half = len(above) // 2
    look = np.rot90(np.concatenate([above[:half], below[half:]]), turns)
    name = f"glyph_{upper}{lower}_{'mirrored' if mirrored else 'turned'}_{turns}"
    return _Entry(
        f"glyphs/{name}_{group:02d}.png",
        name,
        f"group-{group}",
        look[:, ::-1] if mirrored else look,
    )


@dataclass(frozen=True, eq=False)
class _Entry:
    """One image to write: grey values (rows, columns), uint8."""

    path: str
    condition: str
    group: str
    image: NDArray[np.uint8]


def _grey(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(values * (255 / _BRIGHTEST)).astype(np.uint8)


def _looks(upper: int, lower: int) -> list[tuple[int, bool]]:
    """Quarter turns, and whether mirrored after them, that give a new shape."""
    if upper == lower and upper in (0, 1):
        return [(0, False), (1, False)]
    looks = [(turns, mirrored) for mirrored in (False, True) for turns in range(4)]
    return [look for look in looks if (upper, lower, look) != (6, 6, (2, False))]


def _write(folder: Path, name: str, entries: Sequence[_Entry]) -> Path:
    table = folder / name
    try:
        (folder / entries[0].path).parent.mkdir(parents=True, exist_ok=True)
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
            writer.writeheader()
            for entry in entries:
                Image.fromarray(np.ascontiguousarray(entry.image)).save(folder / entry.path)
                writer.writerow(
                    {
                        "path": entry.path,
                        "condition": entry.condition,
                        "group": entry.group,
                        "proof": "none",
                        "licence": _LICENCE,
                        "source": _SOURCE,
                        "notes": _NOTES,
                    }
                )
    except OSError as error:
        raise OutputError(f"cannot write digits to {folder}: {error.strerror}") from error
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Write the digits to the folder named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m medsiam.phantoms.digits",
        description="Write scikit-learn's handwritten digits as images and a case table.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder, made where needed")
    try:
        out = parser.parse_args(argv).out
        for table in (write_digits(out), write_glyphs(out)):
            sys.stdout.write(f"{table}\n")
    except OutputError as error:
        sys.stderr.write(f"medsiam: error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
