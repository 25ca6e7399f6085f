from __future__ import annotations

from pathlib import Path

from medsiam.encoders import load_encoder
from medsiam.encoders.shipped import SHIPPED, encoder_folder


def test_a_name_is_a_shipped_encoder_and_a_path_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default-2d").mkdir()
    for name in SHIPPED:
        assert encoder_folder(name).parent.name == "weights"
        assert encoder_folder(Path(name)) == encoder_folder(name)
        assert load_encoder(name).card.name == name
    assert encoder_folder("./default-2d") == Path("default-2d")
    assert encoder_folder(tmp_path / "default-2d") == tmp_path / "default-2d"
    assert encoder_folder("runs/mine/encoder") == Path("runs/mine/encoder")


def test_they_are_small_and_saw_no_condition_that_is_measured_as_unseen():
    unseen = {"HCM", "RV", "stomatocyte", "teardrop", "burr_cell", "pneumocystis", "streptococcus"}
    unseen |= {"lipoid", "ards", "varicella", "viral_pneumonia"}
    total = 0
    for name in SHIPPED:
        folder = encoder_folder(name)
        total += sum(path.stat().st_size for path in folder.iterdir())
        card = load_encoder(name).card
        assert not unseen & set(card.conditions_seen)
        assert card.training_data
        assert all(data.licence for data in card.training_data)
        assert "Limits" in (card.notes or "")
    assert total < 30 * 2**20
