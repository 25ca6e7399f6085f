from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from medsiam.encoders import (
    RuntimeParity,
    export_openvino,
    load_encoder,
    save_encoder,
    write_exported,
)
from medsiam.encoders.exported import Exported, choose_runtime, find_exported
from medsiam.errors import EncoderError, MissingExtraError, OutputError
from tests.encoders.exporting import batch, whitened


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Exported]:
    encoder = whitened(2)
    folder = tmp_path_factory.mktemp("made") / "encoder"
    save_encoder(encoder, folder)
    exported = export_openvino(encoder)
    write_exported(exported, folder)
    return folder, exported


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "encoder"))


def parity(same: float = 1.0, n: int = 100) -> RuntimeParity:
    return RuntimeParity(
        runtime="openvino-bf16",
        n_scans=n,
        same_neighbour=same,
        drift=0.01,
        measured_on="cases.csv",
        openvino="2026",
        processor="any",
        created="2026-12-01T00:00:00+00:00",
    )


def with_parity(exported: Exported, *found: RuntimeParity) -> Exported:
    return replace(exported, card=exported.card.model_copy(update={"parity": found}))


def test_what_is_written_is_read_again(made):
    folder, exported = made
    again = find_exported(folder, exported.card.fingerprint)
    assert again == exported
    assert repr(again).count("probe") == 1  # and not the files themselves
    assert len(repr(again)) < len(exported.graph)


def test_nothing_beside_the_weights(tmp_path):
    assert find_exported(tmp_path, "f" * 64) is None


def test_the_graph_goes_where_the_encoder_goes(folder, tmp_path):
    save_encoder(load_encoder(folder), tmp_path / "other")
    again = load_encoder(tmp_path / "other")
    assert again.runtime == "openvino"
    assert again.exported == load_encoder(folder).exported
    save_encoder(again.with_card(notes="new weights would have no graph"), tmp_path / "other")
    assert load_encoder(tmp_path / "other").runtime == "torch"


@pytest.mark.parametrize("name", ["network.xml", "network.bin"])
def test_damage_is_named(folder, name):
    path = folder / "openvino" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(EncoderError, match=rf"openvino/{name} is damaged; export .* again"):
        load_encoder(folder)
    assert load_encoder(folder, runtime="torch").runtime == "torch"


def test_a_missing_file_is_named(folder):
    (folder / "openvino" / "network.bin").unlink()
    with pytest.raises(EncoderError, match=r"cannot read .*network\.bin: No such file"):
        load_encoder(folder)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"fingerprint": 1}', "\xff"])
def test_a_card_that_is_none(folder, text):
    (folder / "openvino" / "card.json").write_text(text)
    with pytest.raises(EncoderError, match="is no card of a graph"):
        load_encoder(folder)


def test_a_graph_of_other_weights(folder):
    path = folder / "openvino" / "card.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"fingerprint": "0" * 64}))
    with pytest.raises(EncoderError, match=r"made from other weights \(000000000000\)"):
        load_encoder(folder)


def test_a_graph_that_answers_wrongly_is_not_used(folder):
    path = folder / "openvino" / "card.json"
    card = json.loads(path.read_text())
    card["probe"][0] += 0.01
    path.write_text(json.dumps(card))
    encoder = load_encoder(folder)
    with pytest.raises(EncoderError, match="gives other embeddings than torch"):
        encoder.embed_tensors(batch(encoder, 1))


def test_a_folder_that_cannot_be_written(made, tmp_path):
    (tmp_path / "encoder").write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        write_exported(made[1], tmp_path / "encoder")


@pytest.mark.parametrize(
    ("wanted", "used"), [("auto", "openvino"), ("torch", "torch"), ("openvino", "openvino")]
)
def test_the_runtime_that_is_used(made, wanted, used):
    assert choose_runtime(wanted, made[1], name="E") == used


def test_without_a_graph_torch_is_used_unless_openvino_is_asked_for():
    assert choose_runtime("auto", None, name="E") == "torch"
    with pytest.raises(EncoderError, match=r"medsiam export E --format openvino"):
        choose_runtime("openvino", None, name="E")


def test_without_openvino_torch_is_used_unless_it_is_asked_for(made, monkeypatch):
    monkeypatch.setattr("medsiam.encoders.exported.openvino_version", lambda: None)
    assert choose_runtime("auto", made[1], name="E") == "torch"
    for wanted in ("openvino", "openvino-bf16"):
        with pytest.raises(MissingExtraError, match=r"pip install 'medsiam\[openvino\]'"):
            choose_runtime(wanted, made[1], name="E")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ((), "it was not measured on this encoder"),
        ((parity(n=99),), "99 scans, 100 are needed"),
        ((parity(same=0.98),), r"98.0% of 100 scans keep .* 99% are needed"),
    ],
)
def test_bf16_is_used_only_where_neighbours_stay(made, found, why):
    with pytest.raises(EncoderError, match=why):
        choose_runtime("openvino-bf16", with_parity(made[1], *found), name="E")
    allowed = with_parity(made[1], parity(same=0.99))
    assert choose_runtime("openvino-bf16", allowed, name="E") == "openvino-bf16"
    assert choose_runtime("auto", allowed, name="E") == "openvino"
