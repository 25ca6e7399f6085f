from __future__ import annotations

import json

from medsiam.cli import main
from medsiam.scoring import read_run


def test_shards_are_scored_and_joined(phantom_bank, incoming, tmp_path, capsys):
    for n in (1, 2):
        words = ["score", str(incoming), "--bank", str(phantom_bank.path), "--shard", f"{n}/2"]
        assert main([*words, "--out", str(tmp_path / str(n))]) in (0, 3, 4, 5)
    capsys.readouterr()
    shards = [str(tmp_path / str(n)) for n in (1, 2)]
    assert main(["merge", *shards, "--out", str(tmp_path / "all"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["counts"] == {"scored": 2, "skipped": 2, "failed": 1}
    assert "2 shards joined: 2 scored, 2 skipped, 1 failed" in err
    assert len(read_run(tmp_path / "all").series) == 5
    assert main(["merge", shards[0], "--out", str(tmp_path / "half")]) == 2
    assert main(["merge", *shards, "--out", str(tmp_path / "all")]) == 7
