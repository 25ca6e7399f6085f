from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from medsiam.encoders import (
    Architecture,
    Encoder,
    in_half_precision,
    load_encoder,
    new_encoder,
    save_encoder,
)
from medsiam.encoders.checkpoint import read_card
from medsiam.errors import EncoderError, OutputError
from medsiam.preprocessing import Recipe
from medsiam.scans.scan import Scan


def make(backbone: str = "resnet10", *, random_state: int = 0, **fields) -> Encoder:
    width = {"width": 0.125} if backbone.startswith("resnet") else {}
    return new_encoder(
        Architecture(spatial_dims=2, backbone=backbone, embedding_dim=8, **width | fields),
        Recipe(spatial_dims=2, spatial_size=(32, 32), intensity_range=(2, 98)),
        name="test",
        licence="CC0-1.0",
        random_state=random_state,
    )


@pytest.fixture
def saved(tmp_path) -> Path:
    save_encoder(make(), tmp_path / "encoder")
    return tmp_path / "encoder"


def refusal(folder: Path) -> str:
    with pytest.raises(EncoderError) as caught:
        load_encoder(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    assert caught.value.exit_code == 6
    return message


def edit_card(folder: Path, **changes) -> None:
    document = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(document | changes))


@pytest.mark.parametrize(
    "backbone", ["resnet10", "resnet50", "densenet121", "efficientnet-b0", "vit"]
)
def test_a_saved_encoder_comes_back_the_same(tmp_path, backbone):
    encoder = make(backbone)
    with torch.no_grad():  # as after training: statistics of the norms moved, too
        encoder.network.train()(torch.rand(3, 1, 32, 32))
    encoder.network.eval()
    encoder = encoder.with_card(conditions_seen=("a", "b"))
    save_encoder(encoder, tmp_path / "made" / "encoder")
    loaded = load_encoder(str(tmp_path / "made" / "encoder"))

    assert loaded.card == encoder.card
    assert not any(module.training for module in loaded.network.modules())
    assert all(weight.requires_grad for weight in loaded.network.parameters())
    scans = [Scan(np.random.default_rng(i).random((40, 30), np.float32), 2) for i in range(2)]
    np.testing.assert_array_equal(loaded.embed(scans), encoder.embed(scans))
    assert sorted(p.name for p in (tmp_path / "made" / "encoder").iterdir()) == [
        "card.json",
        "weights.safetensors",
    ]
    assert [p.name for p in (tmp_path / "made").iterdir()] == ["encoder"]


def test_loading_is_quick_and_leaves_the_random_state_alone(tmp_path):
    encoder = new_encoder(
        Architecture(spatial_dims=3, backbone="resnet18"),
        Recipe(spatial_dims=3, spatial_size=(32, 32, 32)),
        name="large",
        licence="CC0-1.0",
    )
    save_encoder(encoder, tmp_path / "encoder")
    state = torch.get_rng_state()
    start = time.process_time()
    load_encoder(tmp_path / "encoder")
    assert time.process_time() - start < 1.5
    assert torch.equal(torch.get_rng_state(), state)


def test_loading_imports_no_compiler(tmp_path):
    """torch._dynamo and what it brings cost seconds."""
    backbones = ("resnet10", "densenet121", "efficientnet-b0", "vit")
    for backbone in backbones:
        save_encoder(make(backbone), tmp_path / backbone)
    code = """
import sys
from medsiam import load_encoder
for folder in sys.argv[1:]:
    load_encoder(folder)
    assert not {"torch._dynamo", "sympy"} & set(sys.modules), folder
"""
    folders = [str(tmp_path / backbone) for backbone in backbones]
    subprocess.run([sys.executable, "-c", code, *folders], check=True)


def test_the_loaded_encoder_does_not_hang_on_its_files(saved):
    loaded = load_encoder(saved)
    (saved / "weights.safetensors").write_bytes(b"")
    assert loaded.with_card().fingerprint == loaded.fingerprint


def test_the_card_alone(saved):
    assert read_card(saved) == make().card.model_copy(update={"created": read_card(saved).created})


def test_an_encoder_is_replaced_whole(saved):
    (saved / "model.xml").write_text("an export of the old weights")
    other = make(random_state=9)
    save_encoder(other, saved)
    assert load_encoder(saved).fingerprint == other.fingerprint
    assert not (saved / "model.xml").exists()
    assert [p.name for p in saved.parent.iterdir()] == ["encoder"]


def test_an_empty_folder_is_filled_and_a_foreign_one_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    save_encoder(make(), tmp_path / "empty")
    assert load_encoder(tmp_path / "empty").fingerprint == make().fingerprint
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("x")
    with pytest.raises(OutputError, match="is no encoder; name another folder"):
        save_encoder(make(), tmp_path / "photos")
    with pytest.raises(OutputError, match="is no encoder"):
        save_encoder(make(), tmp_path / "photos" / "cat.png")
    assert (tmp_path / "photos" / "cat.png").read_text() == "x"


def test_a_failed_save_leaves_the_old_encoder(saved, monkeypatch):
    before = load_encoder(saved).fingerprint
    rename = Path.rename

    def fail(path, target):
        if path.name == "new":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError, match="No space left"):
        save_encoder(make(random_state=9), saved)
    assert load_encoder(saved).fingerprint == before
    assert [p.name for p in saved.parent.iterdir()] == ["encoder"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write the encoder"):
        save_encoder(make(), tmp_path / "file" / "encoder")


def test_changed_weights_need_a_new_card(tmp_path):
    encoder = make()
    with torch.no_grad():
        encoder.network.projection.bias += 1
    with pytest.raises(EncoderError, match="with_card"):
        save_encoder(encoder, tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()
    save_encoder(encoder.with_card(), tmp_path / "encoder")


def test_no_folder_or_a_missing_file(saved):
    assert "no such folder" in refusal(saved / "nothing")
    (saved / "weights.safetensors").rename(saved / "elsewhere")
    assert "weights.safetensors is missing" in refusal(saved)
    (saved / "elsewhere").rename(saved / "weights.safetensors")
    (saved / "card.json").unlink()
    assert "card.json is missing" in refusal(saved)


@pytest.mark.parametrize("where", [0.3, 0.6, 0.999])
def test_a_flipped_byte(saved, where):
    path = saved / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 1
    path.write_bytes(content)
    assert "fingerprint" in refusal(saved)


def test_a_pickle_by_the_name_of_weights(saved, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    for content in (pickle.dumps(Evil()), b"", b"\xff" * 100, b"\x08\0\0\0\0\0\0\0{}      "):
        (saved / "weights.safetensors").write_bytes(content)
        assert "safetensors" in refusal(saved)
    torch.save(make().network.state_dict(), saved / "weights.safetensors")
    assert "no safetensors file" in refusal(saved)
    assert not (tmp_path / "ran").exists()


def test_a_truncated_file(saved):
    path = saved / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    assert "damaged" in refusal(saved)


def test_foreign_missing_and_misshapen_tensors(saved):
    path = saved / "weights.safetensors"
    tensors = safetensors.torch.load_file(path)

    path.write_bytes(safetensors.torch.save(tensors | {"extra": torch.zeros(2)}))
    assert "extra unknown" in refusal(saved)
    bias = tensors.pop("projection.bias")
    path.write_bytes(safetensors.torch.save(tensors))
    assert "projection.bias missing" in refusal(saved)
    path.write_bytes(safetensors.torch.save(tensors | {"projection.bias": bias[:3].clone()}))
    assert "projection.bias is torch.float32 (3,), not torch.float32 (8,)" in refusal(saved)
    path.write_bytes(safetensors.torch.save(tensors | {"projection.bias": bias.double()}))
    assert "projection.bias is torch.float64" in refusal(saved)


def test_weights_of_another_encoder(saved, tmp_path):
    save_encoder(make(random_state=3), tmp_path / "other")
    (tmp_path / "other" / "weights.safetensors").replace(saved / "weights.safetensors")
    assert "do not belong together" in refusal(saved)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fingerprint": "0" * 64}, "do not belong together"),
        ({"recipe": {"spatial_dims": 2, "spatial_size": [32, 32]}}, "do not belong together"),
        (
            {"architecture": {"spatial_dims": 2, "backbone": "resnet18", "embedding_dim": 8}},
            "not the tensors of the network",
        ),
        (
            {"architecture": {"spatial_dims": 2, "backbone": "resnet10", "embedding_dim": 10**15}},
            "not the tensors|cannot be built",
        ),
        (
            {"architecture": {"spatial_dims": 2, "backbone": "vit", "embedding_dim": 8}},
            "cannot be built: backbone vit needs image_size",
        ),
        ({"architecture": {"spatial_dims": 2, "backbone": "pickle"}}, "architecture.backbone"),
        (
            {"medsiam_version": "9.0.0", "runtime": "gpu"},
            r"runtime: Extra inputs .*written by medsiam '9\.0\.0'",
        ),
    ],
)
def test_a_card_that_does_not_fit(saved, changes, words):
    edit_card(saved, **changes)
    with pytest.raises(EncoderError, match=words):
        load_encoder(saved)
    refusal(saved)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no encoder card"),
        (b"{}", "no encoder card: name: Field required"),
        (b" " * (16 * 2**20 + 1), "larger than"),
    ],
)
def test_a_card_that_is_none(saved, content, words):
    (saved / "card.json").write_bytes(content)
    assert words in refusal(saved)


def test_half_precision_takes_half_the_room_and_comes_back_the_same(tmp_path):
    whole = make()
    half = in_half_precision(whole)
    assert half.fingerprint != whole.fingerprint
    save_encoder(whole, tmp_path / "whole")
    save_encoder(half, tmp_path / "half")
    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.55 * sizes[1]
    again = load_encoder(tmp_path / "half")
    assert again.fingerprint == half.fingerprint
    images = torch.rand(2, 1, 32, 32)
    assert (again.embed_tensors(images) == half.embed_tensors(images)).all()


def test_half_precision_leaves_what_it_cannot_hold(tmp_path):
    whole = make()
    name, variance = next(
        (n, b) for n, b in whole.network.named_buffers() if n.endswith("running_var")
    )
    variance[0] = 1e5  # half precision ends at 65,504
    half = in_half_precision(whole)
    assert half.network.state_dict()[name][0] == 1e5
    images = torch.rand(2, 1, *half.recipe.spatial_size)
    np.testing.assert_allclose(half.embed_tensors(images), whole.embed_tensors(images), atol=5e-3)
    save_encoder(half, tmp_path / "half")
    assert load_encoder(tmp_path / "half").fingerprint == half.fingerprint


def test_weights_that_are_no_finite_numbers_are_refused(tmp_path):
    encoder = make()
    name, weight = next(iter(encoder.network.named_parameters()))
    with torch.no_grad():
        weight.view(-1)[0] = float("inf")
    save_encoder(encoder.with_card(), tmp_path / "e")
    with pytest.raises(EncoderError, match=f"{name} holds NaN or infinite values"):
        load_encoder(tmp_path / "e")
