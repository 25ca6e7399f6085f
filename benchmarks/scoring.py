"""Claims: every file of a large folder is accounted for, a kill costs nothing, and no core idles.

python benchmarks/scoring.py [--files 10000] [--kills 20] [--images 200] [--volumes 60]

1. A folder of so many DICOM files, several series per study, one in a hundred damaged in one of
   five ways: no file is missing in the manifest, no good series is lost, exit 4; memory of all
   processes together.
2. SIGKILL at random moments, then --resume: the tables are those of an uninterrupted run.
3. Wall time of a whole run on large images and on volumes, against the processor time of the same
   run shared out to all cores, and against a plain script (pydicom, MONAI, the same network) in
   a loop. Run it where nothing else runs: other work makes every wall time longer.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

import numpy as np
from machine import write_result

from medsiam import ReferenceBank, load_encoder
from medsiam.encoders import Architecture, new_encoder
from medsiam.preprocessing import Recipe
from medsiam.scans import index_folder, read_scan
from medsiam.scoring import Limits, Question, read_run, run_scoring

SLICES = 5  # of a generated series
DAMAGE = ("truncated", "zeros", "page", "noise", "wrong element")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--volumes", type=int, default=60)
    args = parser.parse_args()
    figures: dict[str, object] = {"load before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="medsiam-scoring-") as name:
        root = Path(name)
        if args.files:
            figures["accounting"] = accounting(root / "archive", args.files)
        if args.kills:
            figures["kills"] = kills(root / "kills", args.kills)
        for kind, n in (("images", args.images), ("volumes", args.volumes)):
            if n:
                figures[kind] = speed(root / kind, n, dims=2 if kind == "images" else 3)
    print(json.dumps(figures, indent=2))
    write_result("scoring", figures)


def tiny_bank(folder: Path) -> ReferenceBank:
    """A bank whose network costs nothing: what is measured is all the rest."""
    architecture = Architecture(spatial_dims=3, backbone="resnet10", width=0.25, embedding_dim=8)
    recipe = Recipe(spatial_dims=3, spatial_size=(16, 16, 16))
    return filled(folder, new_encoder(architecture, recipe, name="tiny", licence="none"))


def filled(folder: Path, encoder) -> ReferenceBank:  # noqa: ANN001
    """Four cases of two conditions, of the kind that is scored."""
    bank = ReferenceBank.create(folder / "bank", encoder)
    for n in range(4):
        write_series(folder / "cases" / str(n), n, n_slices=8 if bank_dims(encoder) == 3 else 1)
        bank.add(
            read_scan(folder / "cases" / str(n)),
            case_id=f"c{n}",
            condition="ab"[n % 2],
            patient_id=f"p{n}",
        )
    return bank


def bank_dims(encoder) -> int:  # noqa: ANN001
    return int(encoder.recipe.spatial_dims)


def write_series(
    folder: Path, seed: int, *, n_slices: int, side: int = 48, study: int | None = None
) -> list[Path]:
    """Write slices with pydicom alone; a film where there is one."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 2000, (n_slices, 8, 8)).astype(np.uint16)
    volume = np.kron(coarse, np.ones((1, side // 8, side // 8), np.uint16))
    paths = []
    root = "1.2.826.0.1.3680043.8.498"
    for n, picture in enumerate(volume):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        meta.MediaStorageSOPInstanceUID = f"{root}.{seed}.1.{n + 1}"
        ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, f"{root}.{seed}.1.{n + 1}"
        ds.Modality, ds.PatientID, ds.PatientName = "CT", f"SYN{seed}", "SYNTHETIC"
        ds.StudyInstanceUID = f"{root}.9{seed if study is None else study}"
        ds.SeriesInstanceUID = f"{root}.{seed}"
        ds.InstanceNumber = n + 1
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, n], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [1, 1], 1
        ds.Rows = ds.Columns = side
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 0
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1000
        ds.PixelData = picture.tobytes()
        paths.append(folder / f"IM{n:04d}")
        ds.save_as(paths[-1], enforce_file_format=True)
    return paths


def damage(path: Path, how: str, rng: random.Random) -> None:
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) * 2 // 3])
    elif how == "zeros":
        path.write_bytes(bytes(len(data)))
    elif how == "page":
        path.write_bytes(b"<html><body>404 not found</body></html>")
    elif how == "noise":
        path.write_bytes(rng.randbytes(len(data)))
    else:  # rows and columns that no pixel data go with
        path.write_bytes(data.replace(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00XX"))


def accounting(root: Path, n_files: int) -> dict[str, object]:
    rng = random.Random(7)
    folder = root / "in"
    n_series = n_files // SLICES
    files: list[list[Path]] = []
    for n in range(n_series):
        study = n // 3
        place = folder / f"S{study:05d}" / f"{n % 3}"
        files.append(write_series(place, n + 10, n_slices=SLICES, study=study))
    every = [path for series in files for path in series]
    bad = set(rng.sample(range(len(every)), max(1, len(every) // 100)))
    for k, place in enumerate(sorted(bad)):
        damage(every[place], DAMAGE[k % len(DAMAGE)], rng)
    touched = {place // SLICES for place in bad}
    bank = tiny_bank(root)
    began = time.perf_counter()
    index_folder(folder)
    index_seconds = time.perf_counter() - began
    began = time.perf_counter()
    words = score_words(folder, bank, root / "out")
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = peak_memory(process)
    seconds = time.perf_counter() - began
    with (root / "out" / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    paths = {str(path.relative_to(folder)) for path in every}
    scored = {row["path"] for row in rows if row["outcome"] == "scored"}
    good = {
        str(path.relative_to(folder))
        for n, series in enumerate(files)
        if n not in touched
        for path in series
    }
    return {
        "files": len(every),
        "damaged": len(bad),
        "series": n_series,
        "unaccounted": len(paths - {row["path"] for row in rows}) + abs(len(rows) - len(paths)),
        "good files lost": len(good - scored),
        "exit code": process.returncode,
        "manifest": dict(Counter(row["outcome"] for row in rows)),
        "index seconds": round(index_seconds, 1),
        "whole run seconds": round(seconds, 1),
        "peak memory MiB, all processes": round(peak / 2**20),
    }


def score_words(folder: Path, bank: ReferenceBank, out: Path, *more: str) -> list[str]:
    words = ["score", str(folder), "--bank", str(bank.path), "--out", str(out), *more]
    return [sys.executable, "-m", "medsiam", *words]


def peak_memory(process: subprocess.Popen[bytes]) -> int:
    """Bytes of a process and its children together, shared pages counted once."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(proportional, family(process.pid))))
        time.sleep(0.3)
    return peak


def family(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for path in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in path.read_text().split()]
            except OSError:
                continue
    return found


def proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    except OSError:
        return 0
    return 0


def kills(root: Path, n_kills: int) -> dict[str, object]:
    rng = random.Random(11)
    folder, n_series = root / "in", 40 * n_kills
    for n in range(n_series):
        write_series(folder / f"{n:04d}", n + 10, n_slices=SLICES)
    bank = tiny_bank(root)
    index = index_folder(folder)
    run_scoring(index, bank, root / "whole", Question())
    out, done, redone, parts = root / "out", 0, 0, {}
    while done < n_kills:
        log = root / f"log{done}"
        words = score_words(
            folder, bank, out, "--log-json", str(log), *(["--resume"] if done else [])
        )
        with (root / "stderr").open("w") as said:
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None and not (
            log.is_file() and '"known": false' in log.read_text()
        ):
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 1.0))
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            said_last = (root / "stderr").read_text()[-2000:]
            raise SystemExit(f"run {done} ended with {process.returncode} by itself: {said_last}")
        now = {path.name: path.stat().st_mtime_ns for path in out.glob("parts/*.jsonl")}
        redone += sum(now.get(name) != stamp for name, stamp in parts.items())
        parts, done = now, done + 1
    counts = run_scoring(index, bank, out, Question(), resume=True)
    return {
        "series": n_series,
        "kills": done,
        "series that were kept and done again": redone,
        "left for the last run": counts.n_new,
        "workers": Limits().workers,
        "tables identical": table(out) == table(root / "whole"),
        "manifests identical": manifest(out) == manifest(root / "whole"),
        "outcomes": read_run(out).counts,
    }


def table(out: Path) -> list[str]:
    """Sorted rows, but for the time at which each was compared."""
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return sorted(json.dumps({k: v for k, v in row.items() if k != "created"}) for row in rows)


def manifest(out: Path) -> str:
    return (out / "manifest.csv").read_text()


def speed(root: Path, n: int, *, dims: int) -> dict[str, object]:
    side, n_slices = (2048, 1) if dims == 2 else (256, 64)
    for k in range(n):
        write_series(root / "in" / f"{k:04d}", k + 10, n_slices=n_slices, side=side)
    encoder = load_encoder(f"default-{dims}d")
    bank = filled(root, encoder)
    index = index_folder(root / "in")
    bank.encoder.embed([index.sources[0].read()])  # both begin warm
    cores = len(os.sched_getaffinity(0))
    plain(replace(index, sources=index.sources[:1]), encoder)
    plain_wall, plain_cpu = plain(index, encoder)
    before, began = processor_seconds(), time.perf_counter()
    counts = run_scoring(index, bank, root / "out", Question())
    wall, cpu = time.perf_counter() - began, processor_seconds() - before
    assert counts.outcomes.get("scored") == n, counts
    return {
        "series": n,
        "pixels": [side, side, n_slices],
        "wall seconds": round(wall, 2),
        "processor seconds, readers and encoder": round(cpu, 2),
        "wall / (processor seconds / cores)": round(wall / (cpu / cores), 2),
        "plain script, wall seconds": round(plain_wall, 2),
        "plain script, processor seconds": round(plain_cpu, 2),
        "plain / medsiam": round(plain_wall / wall, 2),
        "other load": round(os.getloadavg()[0], 1),
    }


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def plain(index, encoder) -> tuple[float, float]:  # noqa: ANN001
    """What a script would do: pydicom, MONAI's transforms, the network, one after the other."""
    import pydicom
    import torch
    from monai.data import MetaTensor

    from medsiam.preprocessing import build_transform

    transform = build_transform(encoder.recipe)
    before, began = processor_seconds(), time.perf_counter()
    for source in index.sources:
        slices = [pydicom.dcmread(path) for path in source.files]
        slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
        arrays = [
            ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in slices
        ]
        stack = np.stack([array.T for array in arrays], axis=-1).astype(np.float32)
        image = stack[..., 0] if len(slices) == 1 else stack
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) if image.ndim == 3 else np.eye(3)
        tensor = transform(MetaTensor(torch.from_numpy(image.copy())[None], affine=affine))
        with torch.inference_mode():
            encoder.network(tensor.as_tensor()[None])
    return time.perf_counter() - began, processor_seconds() - before


if __name__ == "__main__":
    main()
