"""`medsiam evaluate` as typed: the table, the document, the files, and what it refuses."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from medsiam.cases import read_case_table
from medsiam.cli import main
from medsiam.comparison import RESEARCH_USE
from medsiam.encoders import embed_case_rows, save_embeddings, save_encoder
from medsiam.encoders.baselines.networks import random_encoder

PROTOCOL = "n_shots = [1, 2]\nn_episodes = 40\nn_query = 2\n"
SIZES = {"LAM": 9, "PAP": 8, "UIP": 7}
UNTRAINED = (
    "random (baseline)",
    "pixels (baseline)",
    "gradient histograms (baseline)",
    "random-weights ResNet-18 (baseline)",
    "ImageNet Lite0 (baseline)",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures whose brightness gradient tells the condition, and embeddings."""
    folder = tmp_path_factory.mktemp("evaluate")
    rng = np.random.default_rng(0)
    rows = []
    for number, (name, n) in enumerate(SIZES.items()):
        for i in range(n):
            ramp = np.rot90(np.tile(np.linspace(0, 160, 24), (24, 1)), number)
            picture = ramp + rng.normal(scale=25, size=(24, 24))
            path = f"{name}_{i}.png"
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / path)
            rows.append({"path": path, "condition": name, "patient_id": f"SECRET-{name}-{i}"})
    write_table(folder / "cases.csv", rows)
    (folder / "protocol.toml").write_text(PROTOCOL)
    centres = np.repeat(3 * np.eye(3, 4), list(SIZES.values()), axis=0)
    x = (centres + rng.normal(size=(len(rows), 4))).astype(np.float32)
    save_embeddings(folder / "mine.npz", [row["path"] for row in rows], x)
    return folder


def write_table(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def run(place, *arguments, embeddings="mine.npz", cases="cases.csv", protocol="protocol.toml"):
    words = ["evaluate", place / embeddings, "--cases", place / cases]
    words += ["--protocol", place / protocol] if protocol else []
    return main([str(word) for word in [*words, *arguments]])


def test_the_table_stands_below_chance_and_majority(place, capsys):
    assert run(place, "--baselines") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("24 cases; cases / subjects of each condition: LAM 9 / 9; PAP 8 / 8")
    assert lines[1].startswith("chance: 1-shot 0.33 (3-way), 2-shot 0.33 (3-way), P@1 0.")
    assert lines[2].startswith("majority (always the most frequent condition): 1-shot 0.33")
    assert "(0.38 where every query counts the same)" in lines[2]
    table = "\n".join(lines[3:])
    for word in ("1-shot", "2-shot", "macro P@1", "macro mAP", "pair AUC", "95 % interval"):
        assert word in table
    for name in ("mine", *UNTRAINED):
        assert sum(line.strip().startswith(name) for line in lines) == 1
    assert "fewer than 10 subjects" in err
    assert "SECRET" not in out + err


def test_json_is_one_document_with_every_figure(place, capsys):
    assert run(place, "--json", "--baselines") == 0
    out = capsys.readouterr().out
    document = json.loads(out)
    assert "SECRET" not in out
    assert document["research_use"] == RESEARCH_USE
    assert document["embeddings"].endswith("mine.npz")
    assert len(document["embeddings_sha256"]) == 64
    assert document["protocol"]["n_shots"] == [1, 2]
    by_name = {entry["name"]: entry for entry in document["results"]}
    assert list(by_name) == ["mine", *UNTRAINED]
    two_shot = {name: entry["few_shot"][1] for name, entry in by_name.items()}
    assert two_shot["mine"]["low"] > 0.6
    assert two_shot["pixels (baseline)"]["accuracy"] > 0.9  # the ramps are in the pixels
    random = two_shot["random (baseline)"]
    assert random["low"] <= random["chance"] <= random["high"]


def test_out_holds_the_same_as_json(place, tmp_path, capsys):
    assert run(place, "--json", "--out", tmp_path / "new" / "folder") == 0
    out, err = capsys.readouterr()
    folder = tmp_path / "new" / "folder"
    assert json.loads((folder / "evaluation.json").read_text()) == json.loads(out)
    rows = read_table(folder / "evaluation.csv")
    assert {row["name"] for row in rows} == {"mine"}
    assert len(rows) > 2 + 4 + 1
    assert "evaluation.html" in err
    assert {path.name for path in folder.iterdir()} == {
        f"evaluation.{x}" for x in ("json", "csv", "html")
    }


def test_conditions_are_restricted(place, capsys):
    assert run(place, "--json", "--condition", "UIP", "--condition", "LAM") == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["condition"] for entry in document["conditions"]] == ["LAM", "UIP"]
    assert document["protocol"]["conditions"] == ["UIP", "LAM"]
    assert document["results"][0]["few_shot"][0]["chance"] == 0.5


def test_splits_are_restricted(place, tmp_path, capsys):
    rows = read_table(place / "cases.csv")
    for i, row in enumerate(rows):
        row["split"] = "train" if i % 2 else "test"
        row["path"] = str(place / row["path"])
    write_table(tmp_path / "split.csv", rows)
    with np.load(place / "mine.npz") as arrays:
        paths = [str(place / path) for path in arrays["paths"]]
        save_embeddings(tmp_path / "split.npz", paths, arrays["embeddings"])
    arguments = {"embeddings": tmp_path / "split.npz", "cases": tmp_path / "split.csv"}
    assert run(place, "--json", "--split", "test", **arguments) == 0
    out, err = capsys.readouterr()
    assert sum(entry["n_cases"] for entry in json.loads(out)["conditions"]) == 12
    assert "split = train" not in err
    assert run(place, "--json", **arguments) == 0
    assert "12 of 24 cases are marked split = train" in capsys.readouterr().err


def test_phases_are_joined_for_encoder_and_baselines_alike(place, tmp_path, capsys):
    rows = read_table(place / "cases.csv")[:16]
    for i, row in enumerate(rows):
        row |= {"case_id": f"case{i // 2}", "phase": "ED" if i % 2 else "ES"}
        row |= {"patient_id": f"SECRET{i // 2}", "condition": "LAM" if i < 8 else "PAP"}
        row["path"] = str(place / row["path"])
    write_table(tmp_path / "joined.csv", rows)
    x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    save_embeddings(tmp_path / "joined.npz", [row["path"] for row in rows], x)
    arguments = {"embeddings": tmp_path / "joined.npz", "cases": tmp_path / "joined.csv"}
    assert run(place, "--json", "--baselines", **arguments) == 0
    document = json.loads(capsys.readouterr().out)
    counts = [(entry["n_scans"], entry["n_cases"]) for entry in document["conditions"]]
    assert counts == [(8, 4), (8, 4)]
    assert len(document["results"]) == 1 + len(UNTRAINED)


def test_rows_that_stand_alone_are_said(place, tmp_path, capsys):
    rows = [row | {"patient_id": ""} for row in read_table(place / "cases.csv")]
    write_table(tmp_path / "alone.csv", rows)
    assert run(place, "--json", cases=tmp_path / "alone.csv") == 0
    out, err = capsys.readouterr()
    for text in (err, " ".join(json.loads(out)["notices"])):
        assert "24 of 24 cases have neither patient_id nor group" in text


def test_a_scan_that_was_not_embedded_is_said(place, tmp_path, capsys):
    with np.load(place / "mine.npz") as arrays:
        save_embeddings(
            tmp_path / "less.npz", arrays["paths"][1:].tolist(), arrays["embeddings"][1:]
        )
    options = ("--baselines", "--out", tmp_path / "out")
    assert run(place, *options, embeddings=tmp_path / "less.npz") == 0
    out, err = capsys.readouterr()
    assert err.count("1 scan of the table without an embedding: 1 case left out") == 1
    assert err.count("without an embedding: LAM_0.png") == 1
    assert out.startswith("23 cases")
    for file in (tmp_path / "out").iterdir():
        assert "LAM_0" not in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--condition", "LAM"], 2, "name at least two"),
        (["--condition", "LAM", "--condition", "PAB"], 2, "did you mean PAP?"),
        (["--split", "test"], 2, "no row has the split 'test'"),
        (["--protocol", "nowhere.toml"], 2, "there is no such file"),
    ],
)
def test_wrong_options_are_one_clear_line(place, capsys, arguments, code, words):
    assert run(place, *arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err.splitlines()[-1]


def test_what_is_no_embeddings_file(place, tmp_path, capsys):
    (tmp_path / "text.npz").write_text("no zip at all")
    assert run(place, embeddings=tmp_path / "text.npz") != 0
    assert "not an .npz file" in capsys.readouterr().err
    assert run(place, embeddings=tmp_path / "none.npz") != 0
    assert "there is no such file" in capsys.readouterr().err


def test_embeddings_of_another_table(place, tmp_path, capsys):
    write_table(tmp_path / "other.csv", read_table(place / "cases.csv")[:20])
    assert run(place, cases=tmp_path / "other.csv") == 2
    assert "4 of 24 embeddings are of scans that the case table does not list" in (
        capsys.readouterr().err
    )


def test_a_table_with_one_condition(place, tmp_path, capsys):
    rows = [row | {"condition": "LAM"} for row in read_table(place / "cases.csv")]
    write_table(tmp_path / "one.csv", rows)
    assert run(place, cases=tmp_path / "one.csv") == 2
    assert "at least two conditions, got 1 (LAM)" in capsys.readouterr().err


def test_too_few_subjects_for_any_shot(place, tmp_path, capsys):
    (tmp_path / "many.toml").write_text("n_shots = [9, 20]")
    assert run(place, protocol=tmp_path / "many.toml") == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert "9-shot needs 2 conditions with 10 subjects each" in last
    assert "LAM has 9, PAP has 8, UIP has 7" in last


def test_a_baseline_without_its_scans(place, tmp_path, capsys):
    write_table(tmp_path / "moved.csv", read_table(place / "cases.csv"))  # pictures stay behind
    assert run(place, cases=tmp_path / "moved.csv") == 0
    capsys.readouterr()
    assert run(place, "--baselines", cases=tmp_path / "moved.csv") == 5
    last = capsys.readouterr().err.splitlines()[-1]
    assert "24 of 24 cannot be read, first LAM_0.png" in last
    assert "leave --baselines out" in last


def test_out_that_cannot_be_written(place, tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    assert run(place, "--out", tmp_path / "taken") == 7
    assert "cannot write" in capsys.readouterr().err


def test_other_embeddings_are_compared_by_the_paired_bootstrap(place, tmp_path, capsys):
    with np.load(place / "mine.npz") as arrays:
        paths, x = arrays["paths"].tolist(), arrays["embeddings"]
    noise = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    save_embeddings(tmp_path / "noise.npz", paths, noise)
    save_embeddings(tmp_path / "mine.npz", paths, x)
    same = tmp_path / "mine.npz"
    others = ["--against", tmp_path / "noise.npz", "--against", same, "--against", same]
    assert run(place, "--json", *others) == 0
    document = json.loads(capsys.readouterr().out)
    again = [f"{tmp_path.name}/mine", f"{tmp_path.name}/mine (2)"]
    assert [entry["name"] for entry in document["results"]] == ["mine", "noise", *again]
    found = {(d["second"], d["measure"]): d for d in document["differences"]}
    assert found["noise", "few_shot.2"]["low"] > 0
    assert found[again[0], "few_shot.2"]["p"] == 1
    assert run(place, *others) == 0
    out = capsys.readouterr().out
    assert "paired bootstrap over subjects" in out


def test_robustness_of_the_encoder_that_made_the_embeddings(place, tmp_path, capsys):
    encoder = random_encoder(2)
    save_encoder(encoder, tmp_path / "encoder")
    rows = read_case_table(place / "cases.csv").rows
    found = embed_case_rows(rows, encoder)
    save_embeddings(tmp_path / "resnet.npz", found.paths, found.embeddings)
    options = ("--robustness", tmp_path / "encoder")
    assert run(place, *options, "--out", tmp_path / "out", embeddings=tmp_path / "resnet.npz") == 0
    out = capsys.readouterr().out
    assert "rotated by 10 degrees" in out
    document = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert document["robustness"]["n_cases"] == 24
    names = [entry["name"] for entry in document["robustness"]["changes"]]
    assert "half the resolution" in names
    assert "Robustness" in (tmp_path / "out" / "evaluation.html").read_text()
    assert run(place, *options) == 2  # embeddings of another encoder
    assert "name the encoder that the file was made with" in capsys.readouterr().err
