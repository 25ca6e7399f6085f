"""`medsiam score --watch` as typed; what it does is in tests/scoring/test_watch.py."""

from __future__ import annotations

import pytest

from medsiam.cli import main
from tests.scoring.test_watch import queries, series, wait_for, watching


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shard", "1/2"), "--watch does not go with --shard: several watchers"),
        (("--dry-run",), "--watch does not go with --dry-run"),
        (("--json",), "use --log-json"),
        (("--quiet", "-1"), "--quiet-seconds cannot be negative"),
        (("-k", "0"), "k must be a whole number"),
        (("--resume",), "no run to resume"),
    ],
)
def test_what_makes_no_sense_is_usage(phantom_bank, tmp_path, capsys, options, said):
    (tmp_path / "in").mkdir()
    words = ["score", str(tmp_path / "in"), "--bank", str(phantom_bank.path)]
    words += ["--out", str(tmp_path / "out"), "--watch", *options]
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_missing_folder_is_5_and_a_locked_one_8(phantom_bank, tmp_path, capsys):
    from medsiam.scoring.lock import RunLock

    words = ["score", str(tmp_path / "in"), "--bank", str(phantom_bank.path)]
    words += ["--out", str(tmp_path / "out"), "--watch"]
    assert main(words) == 5
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    with RunLock(tmp_path / "out"):
        assert main(words) == 8
    assert "another run writes here" in capsys.readouterr().err


def test_two_watchers_send_each_object_once_and_pages_and_objects_are_there(phantom_bank, tmp_path):
    pytest.importorskip("highdicom", reason="needs the extra pacs")
    from tests.pacs.peers import orthanc

    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(6):
        series(folder, number)
    with orthanc(tmp_path / "pacs") as archive:
        options = ("--send", archive.peer, "--reports")
        logs = [tmp_path / "log1", tmp_path / "log2"]
        with (
            watching(folder, phantom_bank, out, logs[0], *options) as one,
            watching(folder, phantom_bank, out, logs[1], *options) as two,
        ):
            wait_for(lambda: len(one.events()) == len(two.events()) == 6)
            wait_for(lambda: len(list((out / "outbox" / "sent").iterdir())) == 12)
            wait_for(lambda: len(queries(out)) == 6)
            first = (
                one
                if (out / "outbox" / "run.lock").read_text().find(f": {one.process.pid}") > 0
                else two
            )
            first.process.kill()  # the one that sends
            series(folder, 6)
            wait_for(lambda: len(list((out / "outbox" / "sent").iterdir())) == 14)
            wait_for(lambda: len(queries(out)) == 7)
        changes = archive.get("/changes?limit=1000")["Changes"]
        assert sum(change["ChangeType"] == "NewInstance" for change in changes) == 14
    assert {page.stem for page in (out / "reports").iterdir()} == queries(out)
    assert {path.name for path in (out / "dicom").iterdir()} == queries(out)
