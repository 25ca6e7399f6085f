"""Handwritten digits as a case table: real images, no phantoms, and there on any machine.

    python -m medsiam.phantoms.digits OUT

The images are those bundled with scikit-learn: 1797 digits of 8 x 8 pixels, the test part of the
"Optical Recognition of Handwritten Digits" of the UCI repository, by 13 writers. Which writer
wrote which digit is not bundled, so `patient_id` is empty and most digits stand alone: one
writer's hand may be on both sides of a split, and figures are those for known hands.

Some are so alike that they could be copies (correlation above 0.99): those share a `group`, so that
no split parts them.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
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
_ALIKE = 0.99


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
    folder = Path(folder)
    table = folder / "cases.csv"
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
            writer.writeheader()
            groups = _groups_of_alikes(digits.data)
            for number, (values, digit) in enumerate(
                zip(digits.images, digits.target, strict=True)
            ):
                path = f"images/{number:04d}_{digit}.png"
                Image.fromarray(_grey(values)).save(folder / path)
                writer.writerow(
                    {
                        "path": path,
                        "condition": f"digit_{digit}",
                        "group": groups[number],
                        "proof": "none",
                        "licence": _LICENCE,
                        "source": _SOURCE,
                        "notes": _NOTES,
                    }
                )
    except OSError as error:
        raise OutputError(f"cannot write digits to {folder}: {error.strerror}") from error
    return table


def _grey(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(values * (255 / _BRIGHTEST)).astype(np.uint8)


def _groups_of_alikes(pixels: NDArray[np.float64]) -> list[str]:
    """Name the group of each of n images (n, 64): the first of those it is chained to, or none."""
    alike: NDArray[np.bool_] = np.asarray(np.corrcoef(pixels) > _ALIKE)
    first = np.arange(len(pixels))
    while True:  # the smallest number spreads through each chain
        spread = np.where(alike, first, len(first)).min(axis=1)
        if np.array_equal(spread, first):
            break
        first = spread
    return [f"alike-{own}" if alike[row].sum() > 1 else "" for row, own in enumerate(first)]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the digits to the folder named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m medsiam.phantoms.digits",
        description="Write scikit-learn's handwritten digits as images and a case table.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder, made where needed")
    try:
        out = parser.parse_args(argv).out
        sys.stdout.write(f"{write_digits(out)}\n")
    except OutputError as error:
        sys.stderr.write(f"medsiam: error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
