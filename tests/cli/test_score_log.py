from __future__ import annotations

import json
from datetime import datetime

import pytest

from medsiam.cli.score_log import score_log
from medsiam.errors import LockedError, OutputError


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_object_a_line_with_its_time(tmp_path):
    path = tmp_path / "log"
    with score_log(str(path)) as log:
        log.event("started", series=3)
        assert len(lines(path)) == 1  # at once
    (line,) = lines(path)
    assert (line["event"], line["series"]) == ("started", 3)
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None
    with score_log(str(path)) as log:
        log.event("started")
    assert len(lines(path)) == 2  # an earlier log stays


@pytest.mark.parametrize(
    ("error", "code"), [(LockedError("x"), 8), (KeyboardInterrupt(), 130), (ValueError("x"), 5)]
)
def test_how_it_ended_is_the_last_line(tmp_path, error, code):
    path = tmp_path / "log"
    with pytest.raises(type(error)), score_log(str(path)):
        raise error
    assert lines(path)[-1]["exit_code"] == code


def test_on_stderr_or_nowhere(capsys):
    with score_log("-") as log:
        log.event("started")
    with score_log(None) as log:
        log.event("never")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "started"


def test_a_log_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError), score_log(str(tmp_path)):
        pass
