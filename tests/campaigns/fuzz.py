"""Read spoilt files for a while; whatever is no `Scan` and no coded fault is a finding.

python -m tests.campaigns.fuzz --seed 1 --seconds 600 [--findings FOLDER] [--only 17]

Every input goes through `index_folder` and the reading process, as in the command line. The same
seed makes the same inputs, whatever the time: `--only` makes one of them again. The inputs are read
in a process of their own, so that a crash of the header pass is found as well.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from PIL import Image

from medsiam.errors import ScanError
from medsiam.scans import FAULTS, index_folder
from medsiam.scans.faults import WARNINGS
from tests.campaigns.mutations import mutated
from tests.scans import hostile_dicom
from tests.scans.written import SHIPPED, dataset, enhanced

SLOW = 5.0  # seconds
STUCK = 90  # seconds: longer than the reading process may take
LARGEST_SEED = 400_000  # bytes: larger files only slow the search down
ROOT = Path(__file__).parents[2]


def seeds() -> dict[str, bytes]:
    """Return valid files by name: shipped with pydicom, of the real samples, made here."""
    found = dict(_made())
    folders = [SHIPPED / "test_files"]
    if data := os.environ.get("MEDSIAM_DATA"):
        samples = Path(data) / "dicom_samples"
        folders += [samples / name for name in ("transfer_syntax", "odd_real")]
        series = samples / "series"
        for path in (sorted(p.iterdir())[0] for p in sorted(series.iterdir())):
            found[f"{path.parent.name}.dcm"] = path.read_bytes()
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.stat().st_size < LARGEST_SEED:
                found[path.name] = path.read_bytes()
    return {k: v for k, v in sorted(found.items()) if 0 < len(v) < LARGEST_SEED}


def _made() -> list[tuple[str, bytes]]:
    volume = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    slices = [hostile_dicom.file_bytes(position=(0, 0, 2 * k)) for k in range(4)]
    made = [(f"slice{k}.dcm", content) for k, content in enumerate(slices)]
    made.append(
        ("enhanced.dcm", hostile_dicom.saved(enhanced(volume, [(0, 0, k) for k in range(4)])))
    )
    made.append(("deflated.dcm", hostile_dicom.deflated(200)))
    made.append(("nested.dcm", hostile_dicom.nested(20)))
    mosaic = dataset(np.arange(64, dtype=np.uint16).reshape(8, 8), ImageType=["O", "P", "MOSAIC"])
    made.append(("mosaic.dcm", hostile_dicom.saved(mosaic)))
    for dtype in (np.uint8, np.int16, np.float32):
        made.append(
            (f"{np.dtype(dtype)}.nii", nib.Nifti1Image(volume.astype(dtype), np.eye(4)).to_bytes())
        )
    made.append(("two.nii", nib.Nifti2Image(volume, np.eye(4)).to_bytes()))
    four = nib.Nifti1Image(np.stack([volume] * 3, axis=-1), np.eye(4)).to_bytes()
    made += [("four.nii", four), ("four.nii.gz", gzip.compress(four, mtime=0))]
    for form, mode in (("PNG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("TIFF", "L")):
        made.append((f"{mode.replace(';', '')}.{form.lower()}", _picture(form, mode)))
    made += [("rgb.tif", _picture("TIFF", "RGB")), ("rgb.jpg", _picture("JPEG", "RGB"))]
    made.append(("lzw.tif", _picture("TIFF", "L", compression="tiff_lzw")))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made[:6]:
            archive.writestr(zipfile.ZipInfo(name), content)
    made.append(("archive.zip", stream.getvalue()))
    return made


def _picture(form: str, mode: str, **how: Any) -> bytes:
    stream = io.BytesIO()
    picture = Image.fromarray(np.arange(16 * 12, dtype=np.uint8).reshape(12, 16))
    shown = Image.new(mode, (16, 12)) if mode == "I;16" else picture.convert(mode)
    shown.save(stream, form, **how)
    return stream.getvalue()


def write_input(folder: Path, pool: dict[str, bytes], seed: int, number: int) -> Path:
    """Write input `number` of `seed`; mostly one file, sometimes a series with spoilt slices."""
    chance = random.Random(f"{seed}:{number}")
    others = list(pool.values())
    folder.mkdir()
    if chance.random() < 0.08:
        spoilt = set(chance.sample(range(4), chance.choice((1, 2))))
        for k in range(4):
            content = pool[f"slice{k}.dcm"]
            if k in spoilt:
                content = mutated("a.dcm", content, others, chance)
            (folder / f"{k}.dcm").write_bytes(content)
        return folder
    name = chance.choice(list(pool))
    path = folder / name
    path.write_bytes(mutated(name, pool[name], others, chance))
    return path


def identity_of(pool: dict[str, bytes]) -> list[str]:
    """Return the names and IDs of patients in the seeds that no message may quote."""
    told = set()
    for content in pool.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ds = pydicom.dcmread(io.BytesIO(content), force=True, stop_before_pixels=True)
                told |= {str(ds.get(key) or "") for key in ("PatientName", "PatientID")}
            except Exception:  # seeds that are no DICOM
                continue
    return sorted(text for text in told if len(text) > 6)


def read_one(path: Path, identity: list[str]) -> tuple[Counter[str], list[str]]:
    """Return how an input ended, and what must not be."""
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    said: list[str] = []
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        _read_all(path, ends, wrong, said)
    # They quote the header, and end on the screen.
    wrong += [f"a library's warning came through: {w.message}"[:300] for w in leaked[:1]]
    wrong += [f"not in the closed list: {code}" for code in ends if code not in {*FAULTS, "read"}]
    for text in identity:
        wrong += [f"names a patient: {s}" for s in said if text in s.replace(path.name, "")]
    return ends, wrong


def _read_all(path: Path, ends: Counter[str], wrong: list[str], said: list[str]) -> None:
    try:
        index = index_folder(path)
        for skipped in index.skipped:
            ends[skipped.code] += 1
            said.append(skipped.reason)
        for source in index.sources:
            try:
                scan = source.read()
            except ScanError as error:
                ends[error.code] += 1
                said.append(str(error).replace(str(path), ""))
                continue
            ends["read"] += 1
            said += scan.warnings
            wrong += [
                f"a warning without code: {w}" for w in scan.warnings if _code(w) not in WARNINGS
            ]
            if not np.isfinite(scan.array).all():
                wrong.append("values that are no finite numbers")
            if scan.affine is not None and not np.isfinite(scan.affine).all():
                wrong.append("an affine that is not finite")
        if not index.sources and not index.skipped:
            wrong.append("neither a source nor skipped")
    except ScanError as error:
        ends[error.code] += 1
        said.append(str(error))
    except Exception:
        wrong.append(traceback.format_exc())


def _code(said: str) -> str:
    return getattr(said, "code", "none")


def serve(seed: int, first: int, seconds: float, folder: Path, only: int | None) -> None:
    """Read inputs until the time is over; one JSON line before and after each."""
    pool = seeds()
    identity = identity_of(pool)
    end = time.monotonic() + seconds
    number = first if only is None else only
    while time.monotonic() < end or only is not None:
        place = folder / "input"
        shutil.rmtree(place, ignore_errors=True)
        path = write_input(place, pool, seed, number)
        print(json.dumps({"begin": number, "path": str(path)}), flush=True)
        signal.alarm(STUCK)  # ends this process: a header pass that hangs is found as a death
        start = time.perf_counter()
        ends, wrong = read_one(path, identity)
        took = time.perf_counter() - start
        signal.alarm(0)
        print(json.dumps({"end": number, "ends": ends, "wrong": wrong, "took": took}), flush=True)
        if only is not None:
            return
        number += 1


def run(
    seed: int, seconds: float, findings: Path | None, only: int | None = None
) -> dict[str, Any]:
    """Fuzz for so long and return the counts."""
    ends: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    caught: list[dict[str, Any]] = []  # what cost the reading process and nothing else
    start, number, slowest = time.monotonic(), 0, 0.0
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        while (left := seconds - (time.monotonic() - start)) > 0:
            words = [sys.executable, "-m", "tests.campaigns.fuzz", "--serve", str(place)]
            words += ["--seed", str(seed), "--first", str(number), "--seconds", str(left)]
            words += ["--only", str(only)] if only is not None else []
            open_input = None
            for line in _lines(child := subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT)):
                try:
                    told = json.loads(line)
                except ValueError:
                    found.append(_finding(seed, number, f"printed: {line!r}", place, findings))
                    continue
                if "begin" in told:
                    open_input = number = told["begin"]
                    continue
                open_input, number = None, told["end"] + 1
                ends.update(told["ends"])
                slowest = max(slowest, told["took"])
                wrong = list(told["wrong"])
                if told["took"] > SLOW:
                    wrong.append(f"took {told['took']:.1f} s")
                contained = [c for c in ("reader_crashed", "timed_out") if c in told["ends"]]
                caught += [_finding(seed, told["end"], c, place, findings) for c in contained]
                for what in wrong:
                    found.append(_finding(seed, told["end"], what, place, findings))
            code = child.returncode
            if open_input is not None:
                what = f"the process that reads headers died ({code})"
                found.append(_finding(seed, open_input, what, place, findings))
                number = open_input + 1
            elif code:
                raise RuntimeError(f"the fuzzer itself ended with {code}")
            if only is not None:
                break
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - start, 1),
        "inputs": number,
        "ends": dict(ends.most_common()),
        "slowest_seconds": round(slowest, 2),
        "contained": caught,
        "findings": found,
    }


def _lines(child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    with child:
        assert child.stdout is not None
        yield from child.stdout


def _finding(
    seed: int, number: int, what: str, place: Path, findings: Path | None
) -> dict[str, Any]:
    kept = None
    if findings is not None:  # made anew: the child is already at the next one
        kept = findings / f"{seed}-{number}"
        if not kept.exists():
            findings.mkdir(parents=True, exist_ok=True)
            write_input(kept, seeds(), seed, number)
        (kept / "what.txt").write_text(what)
    print(f"input {number} of seed {seed}: {what}", file=sys.stderr)
    return {"seed": seed, "input": number, "what": what, "kept": str(kept) if kept else None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--findings", type=Path)
    parser.add_argument("--only", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--serve", type=Path)
    args = parser.parse_args()
    if args.serve:
        serve(args.seed, args.first, args.seconds, args.serve, args.only)
        return
    told = run(args.seed, args.seconds, args.findings, args.only)
    for end, n in told["ends"].items():
        print(f"{end:28} {n:8}")
    print(f"{told['inputs']} inputs in {told['seconds']} s, slowest {told['slowest_seconds']} s")
    print(f"{len(told['contained'])} ended the reading process, {len(told['findings'])} findings")
    if args.only is None:
        _keep(told)


def _keep(told: dict[str, Any]) -> None:
    """Add this run to those before, so that the time accumulates."""
    from benchmarks.machine import RESULTS, write_result

    path = RESULTS / "fuzz.json"
    runs = json.loads(path.read_text())["figures"]["runs"] if path.exists() else []
    runs.append(told)
    for run in runs:  # a traceback names folders of this computer
        for kind in ("contained", "findings"):
            for found in run[kind]:
                found.pop("kept", None)
                found["what"] = (found["what"].strip().splitlines() or [""])[-1]
    total = {key: sum(run[key] for run in runs) for key in ("seconds", "inputs")}
    total |= {key: sum(len(run[key]) for run in runs) for key in ("contained", "findings")}
    write_result("fuzz", {"total": total, "runs": runs})


if __name__ == "__main__":
    main()
