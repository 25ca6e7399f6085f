"""`medsiam demo`: the main job on synthetic studies, end to end, in a few minutes."""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.terminal import notice, print_text, progress, table
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medsiam import Encoder, ReferenceBank, TrainingConfig
    from medsiam.cases import CaseTable
    from medsiam.evaluation import Evaluation

SEED = 2026
# The patients that are measured are others than those that settings were tried on.
MEASURE_SEED = 2029
TRAINING_PATIENTS = 12  # per condition, to learn what varies without meaning anything
MEASURE_PATIENTS = 20  # per unseen condition, to measure few-shot accuracy
BANK_PATIENTS = 8  # of those, per condition, in the bank
SHOTS = 5
_MARK = ".medsiam-demo"
_LICENCE = "Apache-2.0"
# Files that pydicom installs with itself: real scans of another world than the phantoms'.
_FOREIGN = ("CT_small.dcm", "MR_small.dcm")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="the main job on synthetic studies, end to end",
        description="Write synthetic studies, fit the shipped encoders to them, fill banks "
        "with conditions the encoders never saw, score an incoming DICOM folder, write the "
        "reports. Takes a few minutes on two cores.",
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder (default: demo)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    start = time.monotonic()
    out: Path = args.out
    _start_folder(out)
    print_text("All studies of this demo are synthetic, made by medsiam.phantoms.\n")
    banks = {}
    for dims in (2, 3):
        tables = _write_cases(out, dims)
        encoder = _fit(out, dims, tables["training"])
        banks[dims] = _fill_bank(out, dims, encoder, tables["bank"])
        _measure(out, dims, encoder, tables["measure"])
    incoming = _write_incoming(out)
    truth = _truth(out / "incoming_truth.csv")
    for dims, bank in banks.items():
        _score(out, dims, bank, incoming, truth)
    _ask_about_foreign_scans(out, banks[2])
    _show_ways_on(out, time.monotonic() - start)
    return 0


def _start_folder(out: Path) -> None:
    """An empty folder, or one of an earlier demo, which is replaced."""
    from medsiam.errors import OutputError

    if out.exists() and any(out.iterdir()):
        if not (out / _MARK).exists():
            raise OutputError(f"{out} holds files that are not from a demo; choose another --out")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARK).write_text("made by `medsiam demo`; replaced by the next one\n", "utf-8")


def _write_cases(out: Path, dims: int) -> dict[str, Path]:
    """Case tables of three groups of patients: to train, to fill the bank, to measure."""
    from medsiam.phantoms import TRAINING_CONDITIONS, UNSEEN_CONDITIONS, write_cases

    notice(f"{dims}D: writing synthetic studies")
    tables = {}
    groups = (
        ("training", TRAINING_CONDITIONS, TRAINING_PATIENTS, SEED),
        ("measure", UNSEEN_CONDITIONS, MEASURE_PATIENTS, MEASURE_SEED),
    )
    for name, conditions, n_patients, seed in groups:
        tables[name] = write_cases(
            out / "studies" / f"{name}_{dims}d",
            spatial_dims=dims,
            conditions=conditions,
            n_patients=n_patients,
            random_state=seed,
        )
    tables["bank"] = _bank_table(tables["measure"], UNSEEN_CONDITIONS[:-1], BANK_PATIENTS)
    return tables


def _bank_table(cases: Path, conditions: Sequence[str], n_patients: int) -> Path:
    """A case table beside `cases` with the first patients of each of `conditions`.

    The last unseen condition stays out of the bank, so that a query can be like none of it.
    """
    with cases.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    seen: dict[str, list[str]] = {}
    for row in rows:
        patients = seen.setdefault(row["condition"], [])
        if row["patient_id"] not in patients:
            patients.append(row["patient_id"])
    kept = [
        # A name that tells no patient: by default it would come from the path.
        row
        | {"case_id": f"{row['condition']} {1 + seen[row['condition']].index(row['patient_id'])}"}
        for row in rows
        if row["condition"] in conditions
        and row["patient_id"] in seen[row["condition"]][:n_patients]
    ]
    path = cases.with_name("bank.csv")
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(kept[0]))
        writer.writeheader()
        writer.writerows(kept)
    return path


def _config(dims: int, cases: Path) -> TrainingConfig:
    """The shipped encoder's network as it is, and a whitening fitted on the training scans."""
    from medsiam import TrainingConfig, load_encoder

    shipped = load_encoder(f"default-{dims}d").card
    recipe = shipped.recipe
    if dims == 3:  # air fills much of the field: a soft-tissue window keeps the greys for the body
        window = {"intensity": "window", "intensity_range": (-400.0, 500.0)}
        recipe = recipe.model_copy(update=window)
    kept = ("backbone", "stages", "pooling", "views", "project")
    return TrainingConfig.model_validate(
        {
            "run": {"name": f"demo-{dims}d", "seed": SEED},
            "data": {
                "cases": cases,
                "name": f"medsiam phantoms, {dims}D (synthetic)",
                "licence": _LICENCE,
            },
            "recipe": recipe.model_dump(),
            "encoder": {name: getattr(shipped.architecture, name) for name in kept},
            "start": {"weights": f"default-{dims}d"},
            "schedule": {"epochs": 0},
            "whitening": {"scatter": "conditions", "shrinkage": 0.3},
        }
    )


def _fit(out: Path, dims: int, cases: Path) -> Encoder:
    from medsiam import train

    notice(f"{dims}D: fitting the shipped encoder to the training studies")
    return train(_config(dims, cases), out=out / "runs" / f"{dims}d").encoder


def _fill_bank(out: Path, dims: int, encoder: Encoder, cases: Path) -> ReferenceBank:
    from medsiam import ReferenceBank, read_case_table
    from medsiam.bank import add_case_table
    from medsiam.comparison import calibrate
    from medsiam.reports import calibration_sentences

    bank = ReferenceBank.create(out / "banks" / f"{dims}d", encoder)
    add_case_table(bank, read_case_table(cases))
    print_text(
        f"{dims}D bank: {len(bank.cases)} cases of {len(bank.conditions)} conditions that the "
        f"encoder never saw ({', '.join(bank.conditions)}). Calibrated on itself, each patient "
        "left out in turn:"
    )
    found = calibrate(bank)
    bank.keep_calibration(found.to_json(), bank_version=found.bank_version)
    for sentence in calibration_sentences(found):
        print_text(f"  {sentence}")
    print_text("")
    return bank


def _measure(out: Path, dims: int, encoder: Encoder, cases: Path) -> None:
    """Few-shot accuracy on the unseen conditions, beside the distance between pixels."""
    from medsiam import load_encoder, read_case_table, read_scan
    from medsiam.encoders import pixel_embeddings

    rows = read_case_table(cases)
    with progress(f"{dims}D: measuring", len(rows.rows)) as advance:
        scans = []
        for row in rows.rows:
            scans.append(read_scan(row.path))
            advance()
    results = {
        "encoder": _evaluate(encoder.embed(scans), rows),
        f"default-{dims}d as shipped": _evaluate(
            load_encoder(f"default-{dims}d").embed(scans), rows
        ),
        "pixel distance": _evaluate(pixel_embeddings(scans), rows),
    }
    shown = []
    for name, evaluation in results.items():
        shot = evaluation.few_shot[0]
        shown.append((name, shot.accuracy, f"{shot.low:.3f} to {shot.high:.3f}", shot.chance))
    figures = {name: asdict(evaluation.few_shot[0]) for name, evaluation in results.items()}
    write_atomically(out / f"measured_{dims}d.json", json.dumps(figures, indent=2) + "\n")
    n_way = len({row.condition for row in rows.rows})
    table(
        f"{dims}D, {n_way} unseen conditions, {SHOTS} shots, patients disjoint (synthetic)",
        ("", "balanced accuracy", "95 % over patients", "chance"),
        shown,
    )
    fitted, pixels = results["encoder"].few_shot[0], results["pixel distance"].few_shot[0]
    if fitted.low > pixels.high:
        print_text("The encoder is clearly better than the pixel distance: intervals apart.\n")
    else:
        print_text(
            "The intervals overlap: this encoder is not shown to be better than the pixel "
            "distance.\n"
        )


def _evaluate(embeddings: NDArray[np.float32], rows: CaseTable) -> Evaluation:
    from medsiam import evaluate
    from medsiam.evaluation import EpisodeProtocol

    return evaluate(
        embeddings,
        conditions=[row.condition for row in rows.rows],
        subjects=[row.subject for row in rows.rows],
        protocol=EpisodeProtocol(n_shots=(SHOTS,), random_state=SEED),
    )


def _write_incoming(out: Path) -> Path:
    """New patients of every unseen condition, and one per bank who was there before."""
    from medsiam import read_case_table
    from medsiam.phantoms import UNSEEN_CONDITIONS, make_phantom, write_incoming

    returning = []
    for dims in (2, 3):
        known = read_case_table(out / "studies" / f"measure_{dims}d" / "bank.csv").rows[0]
        phantom = make_phantom(
            known.condition,
            spatial_dims=dims,
            patient_id=known.patient_id or "",
            random_state=MEASURE_SEED,
            study=1,
        )
        returning.append(phantom)
    return write_incoming(
        out / "incoming",
        conditions=UNSEEN_CONDITIONS,
        n_patients=1,
        random_state=SEED,
        returning=returning,
    )


def _truth(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["series_uid"]: row["condition"] for row in csv.DictReader(stream)}


def _score(
    out: Path, dims: int, bank: ReferenceBank, incoming: Path, truth: dict[str, str]
) -> None:
    from medsiam.scans import index_folder
    from medsiam.scoring import Part, named_series, run_scoring

    index = index_folder(incoming)
    folder = out / "results" / f"{dims}d"
    names = {
        one.name: str(one.found.path.relative_to(incoming)) for one in named_series(index, bank)
    }
    parts: list[Part] = []
    run_scoring(index, bank, folder, reports=True, seen=lambda part, _: parts.append(part))
    rows: list[tuple[object, ...]] = []
    for part in sorted(parts, key=lambda part: part.place):
        if part.comparison is not None:
            rows += _match_rows(names[part.series], part.comparison, truth)
        elif part.outcome == "failed":
            rows.append((names[part.series], None, f"failed: {part.code}", None, None, None))
    table(
        f"{dims}D series of the incoming folder, ranked matches (lower distance = closer)",
        ("series", "true condition", "verdict", "rank", "matched condition", "distance"),
        rows,
    )
    print_text(
        f"{len(index.sources)} series and {len(index.skipped)} other files; what became of each is "
        f"in {folder / 'manifest.csv'}\n"
    )


def _match_rows(
    name: str, comparison: Mapping[str, Any], truth: dict[str, str]
) -> list[tuple[object, ...]]:
    true = truth.get(comparison["query"]["series_uid"] or "", "unknown")
    rows: list[tuple[object, ...]] = []
    for match in comparison["matches"][:3]:
        first = match["rank"] == 1
        head = (name, true, comparison["verdict"]["outcome"]) if first else ("", "", "")
        rows.append((*head, match["rank"], match["condition"], match["distance"]))
    return rows


def _ask_about_foreign_scans(out: Path, bank: ReferenceBank) -> None:
    """Real scans of another kind: the honest answer is that the bank cannot say."""
    from medsiam import compare, read_scan
    from medsiam.reports import write_page

    print_text("Two real scans that pydicom ships, against the same 2D bank of phantoms:")
    for path in _pydicom_files(_FOREIGN):
        scan = read_scan(path)
        answer = compare(scan, bank)
        write_page(answer, (scan,), bank, out / "results" / "foreign" / f"{path.stem}.html")
        print_text(f"  {path.name}: {answer.verdict}")
    print_text("")


def _pydicom_files(names: Sequence[str]) -> list[Path]:
    from pydicom.data import get_testdata_file

    found = [get_testdata_file(name, download=False) for name in names]
    return [Path(str(path)) for path in found if path]


def _show_ways_on(out: Path, seconds: float) -> None:
    pages = sorted((out / "results" / "3d" / "reports").glob("*.html"))
    print_text(f"Done in {seconds:.0f} s. All numbers above are on synthetic studies.")
    print_text(f"Report:    {pages[0] if pages else out / 'results'}")
    print_text(
        f"Open the app:  medsiam review --bank {out / 'banks' / '3d'} --studies {out / 'incoming'}"
    )
