from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsiam.cli import main
from medsiam.encoders import (
    Architecture,
    load_embeddings,
    load_encoder,
    new_encoder,
    pixel_embeddings,
    save_encoder,
)
from medsiam.preprocessing import Recipe
from medsiam.scans import read_scan


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "encoder"
    made = new_encoder(
        Architecture(spatial_dims=2, backbone="resnet10", embedding_dim=8, width=0.125),
        Recipe(spatial_dims=2, spatial_size=(32, 32)),
        name="test",
        licence="CC0-1.0",
    )
    save_encoder(made, folder)
    return folder


@pytest.fixture
def cases(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "scans").mkdir()
    lines = ["path,condition,patient_id"]
    for n in (4, 0, 2, 1, 3):
        Image.fromarray(rng.integers(0, 255, (30, 40), dtype=np.uint8)).save(
            tmp_path / "scans" / f"{n}.png"
        )
        lines.append(f"scans/{n}.png,c{n % 2},Doe^Jane")
    (tmp_path / "cases.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "cases.csv"


def run(*arguments: object) -> int:
    return main(["embed", *map(str, arguments)])


def test_embeddings_of_every_row_in_order(cases, encoder, tmp_path, capsys):
    out = tmp_path / "new" / "emb.npz"
    assert run(cases, "--encoder", encoder, "--out", out, "--batch-size", 2) == 0
    paths, embeddings = load_embeddings(out)
    assert paths == [f"scans/{n}.png" for n in (4, 0, 2, 1, 3)]
    scans = [read_scan(tmp_path / path) for path in paths]
    np.testing.assert_allclose(embeddings, load_encoder(encoder).embed(scans), atol=1e-5)
    printed = capsys.readouterr()
    assert "5 of 5 scans embedded, 8 values each" in printed.out
    assert "research use only" in printed.err


def test_pixels(cases, tmp_path):
    assert run(cases, "--encoder", "pixels", "--out", tmp_path / "pixels.npz") == 0
    paths, embeddings = load_embeddings(tmp_path / "pixels.npz")
    expected = pixel_embeddings([read_scan(tmp_path / path) for path in paths])
    np.testing.assert_array_equal(embeddings, expected)


def test_rows_that_cannot_be_read(cases, encoder, tmp_path, capsys):
    (tmp_path / "scans" / "2.png").write_bytes(b"")
    (tmp_path / "scans" / "1.png").unlink()
    out = tmp_path / "emb.npz"
    assert run(cases, "--encoder", encoder, "--out", out, "--json") == 4
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert load_embeddings(out)[0] == ["scans/4.png", "scans/0.png", "scans/3.png"]
    assert document["n_rows"] == 5
    assert document["n_embedded"] == 3
    assert document["embedding_dim"] == 8
    assert document["encoder_fingerprint"] == load_encoder(encoder).fingerprint
    assert [(f["row"], f["path"]) for f in document["failures"]] == [
        (4, "scans/2.png"),
        (5, "scans/1.png"),
    ]
    assert all(f["code"] and f["message"] for f in document["failures"])
    assert "line 4: scans/2.png: " in printed.err
    assert "Doe" not in printed.out + printed.err


def test_no_row_can_be_read(cases, encoder, tmp_path, capsys):
    for path in (tmp_path / "scans").iterdir():
        path.write_text("no image")
    out = tmp_path / "emb.npz"
    assert run(cases, "--encoder", encoder, "--out", out, "--json") == 5
    assert json.loads(capsys.readouterr().out)["out"] is None
    assert not out.exists()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"cases": "none.csv"}, 2, "no such file"),
        ({"encoder": "none"}, 6, "no encoder at none"),
        ({"out": "."}, 7, "is a folder"),
        ({"out": "/proc/emb.npz", "cases": "none.csv"}, 7, "cannot write /proc/emb.npz"),  # first
        ({"batch": "0"}, 2, "batch_size"),
    ],
)
def test_bad_arguments_get_one_line(
    cases, encoder, tmp_path, capsys, monkeypatch, change, code, words
):
    monkeypatch.chdir(tmp_path)
    given = {"cases": cases, "encoder": encoder, "out": "emb.npz", "batch": "4"} | change
    arguments = (given["cases"], "--encoder", given["encoder"], "--out", given["out"])
    assert run(*arguments, "--batch-size", given["batch"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = [text for text in printed.err.splitlines() if "error" in text]
    assert words in line
    assert not Path("emb.npz").exists()
