from __future__ import annotations

from dataclasses import replace

import pytest

from medsiam.bank.folder import BankFolder
from medsiam.errors import BankError, OutputError
from tests.bank.samples import FACTS


@pytest.mark.parametrize("pixels", [True, False])
def test_a_folder_has_a_place_for_scans_only_where_they_are_kept(pixels, tmp_path, encoder):
    facts = replace(FACTS, keeps_pixels=pixels)
    place = BankFolder(tmp_path / "bank")
    place.make(encoder, facts, who=None, why=None)
    names = sorted(path.name for path in (tmp_path / "bank").iterdir())
    assert names == ["bank.sqlite", "encoder", *["scans"] * pixels]
    assert place.read_card().fingerprint == encoder.fingerprint


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path, encoder):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"bank .*cannot be written"):
        BankFolder(tmp_path / "file" / "bank").make(encoder, FACTS, who=None, why=None)
    with pytest.raises(BankError, match=r"encoder/card\.json is missing"):
        BankFolder(tmp_path).read_card()
