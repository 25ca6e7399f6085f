"""A large tree of small files, one in a hundred damaged: all found, all grouped, how fast.

python -m tests.campaigns.tree [--files 10000] [--rounds 5]

The header pass is timed against a bare `pydicom.dcmread(stop_before_pixels=True,
specific_tags=...)` loop over the same files and the same tags, in turns in the same process.
"""

from __future__ import annotations

import argparse
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from medsiam.errors import ScanError
from medsiam.scans import index_folder
from tests.scans import hostile_dicom
from tests.scans.written import dataset

MOST_BYTES = 1 << 30
MOST_RATIO = 1.5
ROOT = Path(__file__).parents[2]
SLICES = 25
_UID = "1.2.826.0.1.3680043.8.498"
_SERIES, _IMAGE, _HEIGHT = f"{_UID}.9999999.1", f"{_UID}.9999999.2", "-9999.5"
_TEXTS = (
    *("Manufacturer", "InstitutionName", "StationName", "StudyDescription", "SeriesDescription"),
    *("ManufacturerModelName", "ProtocolName", "SoftwareVersions", "StudyID", "AccessionNumber"),
)
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_NUMBERS = (
    "KVP",
    "DataCollectionDiameter",
    "ReconstructionDiameter",
    "TableHeight",
    "SliceThickness",
)

HTML = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>" * 30
DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "no bytes": lambda whole, chance: b"",
    "cut within the pixels": lambda whole, chance: whole[: -chance.randrange(10, 400)],
    "cut within the header": lambda whole, chance: whole[: chance.randrange(300, 700)],
    "an HTML page": lambda whole, chance: HTML,
    "random bytes": lambda whole, chance: chance.randbytes(len(whole)),
    "a wrong VR": lambda whole, chance: _replaced(whole, (0x28, 0x10), b"LO\2\0XX"),
    "no pixel data": lambda whole, chance: whole[: whole.rindex(_tag(0x7FE0, 0x10))],
    "a monstrous size": lambda whole, chance: _replaced(whole, (0x28, 0x10), b"US\2\0\xff\xff"),
    "a length that lies": lambda whole, chance: _replaced(whole, (0x28, 2), b"US\xff\xff\1\0"),
    "a preamble and nothing": lambda whole, chance: whole[:132],
}


@dataclass(frozen=True)
class Tree:
    """What was written.

    Attributes:
        series: SeriesInstanceUID -> its good files.
        damaged: each damaged file -> what is wrong with it.
    """

    series: dict[str, set[Path]]
    damaged: dict[Path, str]


def _tag(group: int, low: int) -> bytes:
    return struct.pack("<HH", group, low)


def _replaced(whole: bytes, tag: tuple[int, int], rest: bytes) -> bytes:
    at = whole.index(_tag(*tag)) + 4
    return whole[:at] + rest + whole[at + len(rest) :]


def _template() -> bytes:
    """A slice with as many elements as a plain CT has."""
    ds = dataset(
        np.arange(256, dtype=np.int16).reshape(16, 16), series=_SERIES, position=(0, 0, -9999.5)
    )
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = _IMAGE
    for keywords, value in ((_TEXTS, "some text"), (_DATES, "20200101"), (_NUMBERS, "120")):
        for keyword in keywords:
            setattr(ds, keyword, value)
    block = ds.private_block(0x0029, "FILLER", create=True)
    for low in range(30):
        block.add_new(low, "LO", f"private text {low}")
    return hostile_dicom.saved(ds)


def write_tree(folder: Path, files: int, seed: int = 1) -> Tree:
    """Write so many files, one in a hundred damaged; two series share each folder."""
    chance = random.Random(seed)
    template = _template()
    series: dict[str, set[Path]] = defaultdict(set)
    damaged: dict[Path, str] = {}
    good = files - files // 100

    def content(uid: str, number: int, height: float) -> bytes:
        image = f"{_UID}.{number:07d}.2"
        whole = template.replace(_SERIES.encode(), uid.encode())
        whole = whole.replace(_IMAGE.encode(), image.encode())
        return whole.replace(_HEIGHT.encode(), f"{height:7.1f}".encode())

    for number in range(good):
        group = number // SLICES
        uid = f"{_UID}.{group:07d}.1"
        place = folder / f"{group // 40:03d}" / f"study{group // 8}" / f"{group // 2}"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{(number * 7919) % 1_000_000:06d}{('', '.dcm', '.IMA')[group % 3]}"
        path.write_bytes(content(uid, number, 2.5 * (number % SLICES)))
        series[uid].add(path)
    places = sorted({path.parent for paths in series.values() for path in paths})
    for number in range(files - good):
        kind = list(DAMAGE)[number % len(DAMAGE)]
        path = chance.choice(places) / f"{chance.randrange(10**6):06d}-{number}.dcm"
        whole = content(f"{_UID}.{5_000_000 + number:07d}.1", 5_000_000 + number, 0.0)
        path.write_bytes(DAMAGE[kind](whole, chance))
        damaged[path] = kind
    return Tree(dict(series), damaged)


def check(folder: Path, tree: Tree) -> dict[str, Any]:
    """Index the tree and compare with what was written."""
    index = index_folder(folder)
    found: dict[Path, str] = {skipped.path: skipped.code for skipped in index.skipped}
    right = 0
    for source in index.sources:
        if set(source.files) == tree.series.get(source.series_uid or ""):
            right += len(source.files)
        elif set(source.files) & set(tree.damaged):
            try:  # damage of the pixels shows when they are read
                source.read()
            except ScanError as error:
                found |= dict.fromkeys(source.files, error.code)
    codes: dict[str, Counter[str]] = defaultdict(Counter)
    for path, kind in tree.damaged.items():
        codes[kind][found.get(path, "NOT REPORTED")] += 1
    good = sum(map(len, tree.series.values()))
    return {
        "good": good,
        "grouped_right": right,
        "damaged": len(tree.damaged),
        "reported": sum(path in found for path in tree.damaged),
        "wrongly_reported": len(set(found) - set(tree.damaged)),
        "codes": {kind: dict(count) for kind, count in codes.items()},
    }


def bare_loop(paths: list[Path], tags: list[str]) -> None:
    """What reading the same tags costs without us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            try:
                pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags, force=True)
            except Exception:  # damaged
                continue


def header_tags() -> list[str]:
    """The tags that the header pass asks for."""
    from medsiam.scans.dicom.header import TAGS

    return list(TAGS)


def timed(folder: Path, rounds: int) -> dict[str, Any]:
    """Return seconds of the header pass and of the bare loop, taken in turns."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    tags = header_tags()
    seconds: dict[str, list[float]] = {"index_folder": [], "bare loop": []}
    ways: dict[str, Callable[[], Any]] = {
        "index_folder": lambda: index_folder(folder),
        "bare loop": lambda: bare_loop(paths, tags),
    }
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(took) for name, took in seconds.items()}
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    return {
        "rounds": rounds,
        "tags": len(tags),
        "median_seconds": medians,
        "ratio_of_medians": medians["index_folder"] / medians["bare loop"],
        "ratios": [min(ratios), max(ratios)],
    }


def peak_memory(folder: Path) -> int:
    """Return the highest resident bytes of a process that indexes the folder, and its children."""
    code = (
        "import resource, sys; from pathlib import Path; from medsiam.scans import index_folder\n"
        "index = index_folder(sys.argv[1])\n"
        "own, below = (resource.getrusage(who).ru_maxrss for who in"
        " (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))\n"
        # On Linux `own` begins with what the process that started this one has held.
        "status = Path('/proc/self/status')\n"
        "if status.exists():\n"
        "    lines = status.read_text().splitlines()\n"
        "    own = int(next(line for line in lines if line.startswith('VmHWM')).split()[1])\n"
        "print(len(index.sources), own + below)"
    )
    words = [sys.executable, "-c", code, str(folder)]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(run.stdout.split()[1]) * (1 if sys.platform == "darwin" else 1024)


def run(files: int, rounds: int) -> dict[str, Any]:
    """Write a tree and measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = write_tree(folder, files)
        return {
            "found": check(folder, tree),
            "time": timed(folder, rounds),
            "peak_mib": round(peak_memory(folder) / 2**20),
        }


def main() -> None:
    from benchmarks.machine import write_result

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    figures = run(args.files, args.rounds)
    found, took = figures["found"], figures["time"]
    print(f"grouped right        {found['grouped_right']} of {found['good']}")
    print(f"damaged and reported {found['reported']} of {found['damaged']}")
    for kind, codes in found["codes"].items():
        print(f"    {kind:24} {', '.join(f'{n} {code}' for code, n in codes.items())}")
    for name, seconds in took["median_seconds"].items():
        print(f"{name:20} {seconds:.2f} s")
    low, high = took["ratios"]
    print(f"ratio                {took['ratio_of_medians']:.2f} ({low:.2f} to {high:.2f})")
    print(f"peak memory          {figures['peak_mib']} MiB")
    write_result("tree", figures)


if __name__ == "__main__":
    main()
