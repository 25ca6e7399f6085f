from __future__ import annotations

from medsiam.cli import main


def test_a_copy_says_what_it_is_and_overwrites_nothing(phantom_bank, tmp_path, capsys):
    target = tmp_path / "copy"
    assert main(["bank", "copy", str(phantom_bank.path), str(target)]) == 0
    said = f"copied bank bank to {target}: version 1, {len(phantom_bank.cases)} cases"
    assert " ".join(capsys.readouterr().out.split()) == said
    assert main(["bank", "copy", str(phantom_bank.path), str(target)]) == 6
    assert "exists already" in capsys.readouterr().err
