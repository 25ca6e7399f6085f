from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from medsiam.errors import OutputError
from medsiam.scoring import claims as claims_module
from medsiam.scoring.claims import CLAIMS, Claims

HOLD = (
    "import sys, time; from pathlib import Path; from medsiam.scoring.claims import Claims\n"
    "with Claims(Path(sys.argv[1]), print) as claims:\n"
    "    print(claims.take('aa'), flush=True)\n"
    "    time.sleep(60)\n"
)


@contextmanager
def holder(out):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip() == "True"
        finally:
            process.kill()


def test_one_process_has_it_until_it_lets_go_or_dies(tmp_path):
    with Claims(tmp_path, print) as claims:
        with holder(tmp_path) as (process, has_it):
            assert has_it
            assert not claims.take("aa")
            assert claims.take("bb")
            process.kill()
            process.wait()
            assert (tmp_path / CLAIMS / "aa").exists()  # it could not clean up
            assert claims.take("aa")
        with holder(tmp_path) as (_, has_it):
            assert not has_it
        claims.release("aa")
        claims.release("never had")
        assert [path.name for path in (tmp_path / CLAIMS).iterdir()] == ["bb"]
    assert not list((tmp_path / CLAIMS).iterdir())


def test_of_many_that_want_one_just_one_has_it(tmp_path):
    race = (
        "import sys, time; from pathlib import Path; from medsiam.scoring.claims import Claims\n"
        "with Claims(Path(sys.argv[1]), print) as claims:\n"
        "    got = [n for n in range(300) if claims.take(f'{n:04x}')]\n"
        "    print(*got, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", race, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(words, **pipes) for _ in range(3)]
    got = [[int(n) for n in process.stdout.readline().split()] for process in processes]
    for process in processes:
        process.communicate("")
    assert sorted(n for numbers in got for n in numbers) == list(range(300))


def test_who_has_it_for_long_is_told_once(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(claims_module, "_LONG_SECONDS", -1.0)
    (tmp_path / CLAIMS).mkdir()
    (tmp_path / CLAIMS / "aa").write_text(json.dumps({"pid": 7, "host": "elsewhere"}))
    with Claims(tmp_path, said.append) as claims:
        assert not claims.take("aa")
        assert not claims.take("aa")
        assert len(said) == 1
        assert "process 7 on elsewhere" in said[0]
        assert f"remove {tmp_path / CLAIMS / 'aa'}" in said[0]
        (tmp_path / CLAIMS / "aa").unlink()
        assert claims.take("aa")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / CLAIMS).write_text("in the way")
    with pytest.raises(OutputError, match="cannot make the folder"):
        Claims(tmp_path, print).__enter__()
