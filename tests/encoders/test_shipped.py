from __future__ import annotations

from pathlib import Path

from medsiam.encoders.shipped import SHIPPED, encoder_folder


def test_a_name_is_a_shipped_encoder_and_a_path_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default-2d").mkdir()
    for name in SHIPPED:
        assert encoder_folder(name).parent.name == "weights"
    assert encoder_folder("./default-2d") == Path("default-2d")
    assert encoder_folder(tmp_path / "default-2d") == tmp_path / "default-2d"
    assert encoder_folder("runs/mine/encoder") == Path("runs/mine/encoder")
