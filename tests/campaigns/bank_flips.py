"""Flip single bits anywhere in a bank; count what is found when it is opened.

python -m tests.campaigns.bank_flips [--flips 1000] [--seed 0]

The bank holds cases of several versions, some removed, one restored, a calibration, and reviews,
which are checked when they are read. Half of the flips go to the database, a quarter each to the
encoder and the kept scans. A flip that is not found must have changed nothing that can be read:
versions, cases, vectors, calibrations, reviews and scans.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from medsiam.bank import NewCase, ReferenceBank
from medsiam.errors import MedsiamError
from tests.bank.conftest import tiny_encoder
from tests.bank.samples import make_image, make_review

PLACES = ("encoder", "scans")


class ReviewsDamagedError(Exception):
    """The reviews said so when they were read."""


def make_bank(folder: Path, n_cases: int) -> ReferenceBank:
    bank = ReferenceBank.create(folder, tiny_encoder())
    news = [
        NewCase((make_image(n),), f"case-{n:03d}", f"condition {n % 3}", patient_id=f"patient {n}")
        for n in range(n_cases)
    ]
    first = 2 * n_cases // 3
    bank.add_many(news[:first])
    bank.remove_many([f"case-{n:03d}" for n in range(0, first // 2, 3)])
    bank.add_many(news[first:])
    bank.restore(1)
    bank.restore(3)
    bank.keep_calibration('{"threshold": 0.25}', bank_version=5)
    for n in range(n_cases):
        bank.reviews.append(make_review(f"reader {n}", comment="a word, " * 20))
    return bank


def all_that_can_be_read(bank: ReferenceBank, *, scans: bool) -> str:
    try:
        reviews: object = bank.reviews.all()
    except MedsiamError as error:  # spoils no answer, so the bank opens all the same
        raise ReviewsDamagedError from error
    views = [bank.snapshot(version.number) for version in bank.versions]
    return repr(
        (
            bank.name,
            bank.versions,
            [(view.version, view.cases, view.embeddings.tobytes()) for view in views],
            bank.calibrations,
            reviews,
            bank.encoder_card,
            [bank.scans(case.case_id)[0].content_hash for case in bank.cases if scans],
            [bank.hash_patient("somebody")],
        )
    )


def run(folder: Path, flips: int, seed: int, *, n_cases: int = 60) -> dict[str, int]:
    chance = random.Random(seed)
    bank = make_bank(folder / "bank", n_cases)
    right = {scans: all_that_can_be_read(bank, scans=scans) for scans in (False, True)}
    database = bank.path / "bank.sqlite"
    places = [[database], [database], *(sorted((bank.path / n).iterdir()) for n in PLACES)]
    counts: Counter[str] = Counter()
    for flip in range(flips):
        files = places[flip % len(places)]
        path = chance.choices(files, [file.stat().st_size for file in files])[0]
        whole = path.read_bytes()
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        in_scan = path.parent.name == "scans"  # to read them all takes its time
        outcome = _outcome(bank.path, right[in_scan], scans=in_scan)
        counts[f"{path.parent.name if path != database else 'database'}: {outcome}"] += 1
        if outcome.startswith("WRONG"):
            print(f"{path.name} byte {at} bit {bit}: {outcome}", file=sys.stderr)
        path.write_bytes(whole)
    assert all_that_can_be_read(ReferenceBank.open(bank.path), scans=True) == right[True]
    wrong = sum(count for name, count in counts.items() if "WRONG" in name)
    return {"flips": flips, **dict(sorted(counts.items())), "wrong": wrong}


def _outcome(folder: Path, right: str, *, scans: bool) -> str:
    try:
        bank = ReferenceBank.open(folder)
    except MedsiamError as error:
        return "found, case named" if "case-" in str(error) else "found"
    except Exception as error:  # anything else is what this campaign looks for
        return f"WRONG {type(error).__name__}"
    try:
        same = all_that_can_be_read(bank, scans=scans) == right
        return "nothing changed" if same else "WRONG, silently"
    except ReviewsDamagedError:
        return "found, reviews"
    except Exception as error:
        return f"WRONG, found late: {type(error).__name__}"


def main() -> None:
    from benchmarks.machine import write_result

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the counts and write no file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), args.flips, args.seed)
    if args.json:
        print(json.dumps(counts))
        return
    for name, count in counts.items():
        print(f"{name:34} {count:6}")
    write_result("bank_flips", counts)


if __name__ == "__main__":
    main()
