from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from medsiam.bank import ReferenceBank
from medsiam.cli import main
from medsiam.encoders import load_encoder, save_encoder
from tests.encoders.exporting import batch, whitened, write_cases


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "encoder"
    save_encoder(whitened(2), folder)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    save_encoder(load_encoder(made), tmp_path / "E")
    return tmp_path / "E"


@pytest.fixture
def cases(tmp_path) -> Path:
    return write_cases(tmp_path, 6)


def export(*arguments: object) -> int:
    return main(["export", *map(str, arguments)])


def test_openvino_beside_the_weights(folder, capsys):
    plain = load_encoder(folder).embed_tensors(batch(load_encoder(folder), 2))
    assert export(folder, "--format", "openvino") == 0
    assert "kept beside the weights" in capsys.readouterr().out
    encoder = load_encoder(folder)
    assert encoder.runtime == "openvino"
    np.testing.assert_allclose(encoder.embed_tensors(batch(encoder, 2)), plain, rtol=0, atol=2e-4)


def test_parity_is_measured_and_kept(folder, cases, capsys):
    assert export(folder, "--format", "openvino", "--cases", cases, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    found = {one["runtime"]: one for one in document["parity"]}
    assert found["openvino"]["same_neighbour"] == 1
    assert found["openvino"]["n_scans"] == 6
    assert "6 scans, 100 are needed" in found["openvino"]["fault"]
    assert found["openvino"]["measured_on"] == "cases.csv"
    kept = json.loads((folder / "openvino" / "card.json").read_text())
    assert [one["runtime"] for one in kept["parity"]] == list(found)
    assert "Doe" not in json.dumps(kept)


def test_bf16_is_refused_in_one_line(folder, cases, tmp_path, capsys):
    export(folder, "--format", "openvino")
    capsys.readouterr()
    emb = tmp_path / "e.npz"
    asked = ["embed", cases, "--encoder", folder, "--out", emb, "--runtime", "openvino-bf16"]
    assert main([*map(str, asked)]) == 6
    error = capsys.readouterr().err
    assert "--runtime openvino-bf16 is not allowed" in error
    assert "not measured on this encoder" in error
    assert not emb.exists()


def test_a_bank_answers_by_the_graph_made_for_it(folder, cases, tmp_path, capsys):
    bank = tmp_path / "bank"
    main(["bank", "create", str(bank), "--encoder", str(folder)])
    assert (
        main(
            [
                "bank",
                "add",
                str(bank),
                "--cases",
                str(cases),
                "--proof",
                "none",
                "--licence",
                "CC0-1.0",
            ]
        )
        == 0
    )
    assert ReferenceBank.open(bank).runtime == "torch"
    capsys.readouterr()
    asked = ["compare", str(tmp_path / "2.png"), "--bank", str(bank), "--patient-id", "x", "--json"]
    answers = []
    assert main(asked) == 0
    answers.append(json.loads(capsys.readouterr().out))
    assert export(bank, "--format", "openvino") == 0
    capsys.readouterr()
    for runtime in ("torch", "openvino"):
        assert main([*asked, "--runtime", runtime]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert [one["runtime"] for one in answers] == ["torch", "torch", "openvino"]
    first, _, fast = ([match["distance"] for match in one["matches"]] for one in answers)
    np.testing.assert_allclose(fast, first, rtol=0, atol=1e-3)
    assert ReferenceBank.open(bank).runtime == "openvino"
    assert ReferenceBank.open(bank, runtime="torch").encoder.runtime == "torch"


def test_openvino_into_a_folder_leaves_what_is_there(folder, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "other.txt").write_text("stays")
    assert export(folder, "--format", "openvino", "--out", out) == 0
    assert {path.name for path in out.iterdir()} == {
        "other.txt",
        "network.xml",
        "network.bin",
        "card.json",
    }
    assert not (folder / "openvino").exists()


def test_onnx_into_a_folder(folder, cases, tmp_path, capsys):
    assert export(folder, "--format", "onnx", "--out", tmp_path / "onnx") == 0
    assert "takes `scan` (1, 1, 40, 32)" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "encoder.onnx")
    encoder = load_encoder(folder)
    scans = batch(encoder, 1)
    (found,) = session.run(None, {"scan": scans.numpy()})
    np.testing.assert_allclose(found, encoder.embed_tensors(scans), rtol=0, atol=2e-4)
    card = json.loads((tmp_path / "onnx" / "card.json").read_text())
    assert card["fingerprint"] == encoder.fingerprint


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--format", "onnx"], 2, "needs --out DIR"),
        (["--format", "openvino", "--cases", "absent.csv"], 2, "absent.csv"),
    ],
)
def test_mistakes_in_one_line(folder, capsys, arguments, code, said):
    assert export(folder, *arguments) == code
    error = capsys.readouterr().err.splitlines()
    assert said in error[-1]
    assert not (folder / "openvino").exists()


def test_no_encoder(tmp_path, capsys):
    assert export(tmp_path / "none", "--format", "openvino") == 6
    assert "no encoder at" in capsys.readouterr().err
