"""Makes the encoders that medsiam ships, from the committed configurations.

    python benchmarks/ship_encoders.py NAME [--work DIR] [--out DIR]

NAME is one of `medsiam.encoders.SHIPPED`. Needs MEDSIAM_DATA. Only base conditions of the
training parts are read.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path

from medsiam import TrainingConfig, load_config, load_encoder, train
from medsiam.cli.allocator import keep_freed_memory
from medsiam.encoders import Encoder, MeasuredMetric, in_half_precision, join_domains, save_encoder
from medsiam.encoders.shipped import encoder_folder

CONFIGS = Path(__file__).parents[1] / "configs" / "training"
DATA = "${MEDSIAM_DATA}"
# Of each kind of scans: what the configuration says otherwise than its file.
DOMAINS = {
    "default-2d": {
        "cells": [],
        "chest": [
            "run.name=default-2d-chest",
            f'data.cases="{DATA}/cxr_rare_pneumonia/labels.csv"',
            'data.base_conditions=["normal_paediatric","bacterial_paediatric","viral_paediatric",'
            '"no_finding_nih","pneumonia_nih","covid19","no_finding"]',
            'data.name="Chest X-rays, seven base classes of three sources"',
            'data.licence="CC BY-NC-SA 4.0 (not commercial), CC BY 4.0, NIH open"',
            'data.source="https://arxiv.org/abs/2006.11988; doi 10.17632/rscbjbr9sj.2; '
            'NIH ChestX-ray8"',
        ],
        "ultrasound": [
            "run.name=default-2d-ultrasound",
            f'data.cases="{DATA}/lung_ultrasound/labels.csv"',
            'data.base_conditions=["normal","bacterial_pneumonia"]',
            'data.name="Lung ultrasound, normal and bacterial pneumonia"',
            'data.licence="CC BY, CC BY-NC, CC BY-NC-SA 4.0 (not commercial)"',
            'data.source="https://doi.org/10.3390/app11020672"',
        ],
    },
    "default-3d": {
        "heart": [],
        "adrenal": [
            "run.name=default-3d-adrenal",
            'data.cases="{work}/adrenal.csv"',
            'data.base_conditions=["normal","hyperplasia"]',
            'data.name="AdrenalMNIST3D, a quarter of the training part"',
            'data.licence="CC BY 4.0"',
            'data.source="https://doi.org/10.1038/s41597-022-01721-8"',
        ],
        "hippocampus": [
            "run.name=default-3d-hippocampus",
            f'data.cases="{DATA}/msd_hippocampus/labels.csv"',
            'data.base_conditions=["typical_volume","low_volume","high_volume"]',
            'data.name="Medical Segmentation Decathlon, hippocampus (size bands)"',
            'data.licence="CC BY-SA 4.0"',
            'data.source="https://doi.org/10.1038/s41467-022-30695-9"',
        ],
    },
}
NOTES = {
    "default-2d": "ImageNet features of EfficientNet-Lite0 (Apache-2.0), whitened separately for "
    "blood cells, chest X-rays and lung ultrasound; images of other kinds are compared by the "
    "plain features. ",
    "default-3d": "ImageNet features of EfficientNet-Lite0 (Apache-2.0) of eight slices along each "
    "axis, whitened separately for cardiac MRI, adrenal shapes and hippocampus MRI; volumes of "
    "other kinds are compared by the plain features. Sizes in mm are not seen. ",
    "cardiac-cine": "Finds both ventricles and the wall in short-axis cine MRI and measures them; "
    "made for end-diastole and end-systole of a patient as one case (`case_id`, `phase`). Trained "
    "on scans cut around the heart, of one hospital. ",
    "shape-3d": "Measures masks, not pictures: thicknesses and sizes in mm of one structure, and a "
    "linear map trained on normal and enlarged adrenal glands (1 mm voxels, slices along the third "
    "axis). Any other structure is measured alike, but the map was made for these two conditions. "
    "Volumes of other than two values are refused. Limits: both conditions were trained on; glands "
    "segmented otherwise, or on slices along another axis, have other measures; how well the "
    "conditions of other structures are told apart was not measured (docs/benchmarks.md). ",
}
SINGLE = {"cardiac-cine": "cardiac_cine", "shape-3d": "adrenal_3d"}  # name -> configuration
LIMITS = (
    "Limits: measured on few patients of few hospitals (docs/benchmarks.md); knows nothing of the "
    "condition in question; embeddings also tell the source of an image."
)


def adrenal_table(work: Path) -> None:
    """Every seventh normal and every second enlarged gland: a whitening needs no more."""
    source = Path(os.environ["MEDSIAM_DATA"]).resolve() / "adrenalmnist3d_64" / "labels.csv"
    rows = [row for row in csv.DictReader(source.open()) if row["split"] == "train"]
    kept = [row for row in rows if row["label"] == "normal"][::7]
    kept += [row for row in rows if row["label"] != "normal"][::2]
    work.mkdir(parents=True, exist_ok=True)
    with (work / "adrenal.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ("path", "condition", "split"))
        writer.writeheader()
        for row in kept:
            path = source.parent / row["path"]
            writer.writerow({"path": path, "condition": row["label"], "split": "train"})


def joined(name: str, work: Path) -> Encoder:
    config = CONFIGS / f"{name.replace('-', '_')}.toml"
    adrenal_table(work)
    encoders = []
    for domain, overrides in DOMAINS[name].items():
        run = work / name / domain
        if not (run / "encoder").exists():
            if domain == "hippocampus":  # its table has no column `split` that is filled
                overrides = [*overrides, 'split={"validation_fraction"=0.1}']
            overrides = [override.replace("{work}", str(work)) for override in overrides]
            train(load_config(config, TrainingConfig, overrides), out=run)
        encoders.append(load_encoder(run / "encoder"))
    return join_domains(encoders, name=name, notes=NOTES[name] + LIMITS)


def single(name: str, work: Path) -> Encoder:
    run = work / name
    if not (run / "encoder").exists():
        config = CONFIGS / f"{SINGLE[name]}.toml"
        train(load_config(config, TrainingConfig), out=run)
    encoder = load_encoder(run / "encoder")
    if name == "shape-3d":
        said = encoder.card.notes or ""
        return encoder.with_card(name=name, notes=NOTES[name] + said)
    return encoder.with_card(name=name, metrics=(dice(run),), notes=NOTES[name] + LIMITS)


def dice(run: Path) -> MeasuredMetric:
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return MeasuredMetric(
        name="Dice, mean over three structures",
        value=max(epoch["validation_score"] for epoch in epochs),
        n=6,
        measured_on="validation patients of the three base conditions; the epoch was chosen by it",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*DOMAINS, *SINGLE])
    parser.add_argument("--work", type=Path, default=Path("runs/ship"))
    parser.add_argument("--out", type=Path, help="default: where medsiam looks for it")
    args = parser.parse_args()
    keep_freed_memory()
    make = joined if args.name in DOMAINS else single
    encoder = in_half_precision(make(args.name, args.work))
    out = args.out or encoder_folder(args.name)
    save_encoder(encoder, out)
    size = sum(path.stat().st_size for path in Path(out).iterdir()) / 2**20
    print(f"{out}: {encoder!r}, {size:.1f} MiB")


if __name__ == "__main__":
    main()
