from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pydicom
import pytest

from medsiam.cli import main
from tests.scans.written import write_stack


@pytest.fixture
def score(phantom_bank, tmp_path, capsys):
    def run(folder, *options):
        code = main(
            [
                "score",
                str(folder),
                "--bank",
                str(phantom_bank.path),
                "--out",
                str(tmp_path / "out"),
                *options,
            ]
        )
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def test_some_failed_is_exit_4_and_the_table_names_each_series(score, incoming, tmp_path):
    code, out, err = score(incoming, "--reports")
    assert code == 4
    assert "truncated_pixels" in out
    assert "\x1b" not in out + err  # piped: no control characters
    assert "\r" not in out + err
    assert "2 scored, 2 skipped, 1 failed; 5 other files" in err
    assert len(list((tmp_path / "out" / "reports").glob("*.html"))) == 2


def test_json_is_one_document(score, incoming):
    code, out, _ = score(incoming, "--json")
    document = json.loads(out)
    assert code == 4
    assert document["counts"] == {"scored": 2, "skipped": 2, "failed": 1}
    outcomes = [entry["outcome"] for entry in document["series"]]
    assert sorted(outcomes) == ["failed", "scored", "scored", "skipped", "skipped"]
    scored = next(entry for entry in document["series"] if entry["outcome"] == "scored")
    assert scored["comparison"]["matches"][0]["rank"] == 1


def test_dry_run_writes_nothing(score, incoming, tmp_path):
    code, out, _ = score(incoming, "--dry-run", "--json")
    assert code == 0
    assert sum(entry["skipped_because"] is None for entry in json.loads(out)) == 3
    assert not (tmp_path / "out").exists()


def test_all_well_is_0_all_failed_is_5_nothing_to_do_is_3(score, incoming, tmp_path):
    damaged, good, flat = [], [], []
    for folder in sorted(path for path in incoming.iterdir() if path.is_dir()):
        code, out, _ = score(folder, "--json")
        kind = json.loads(out)["series"][0]["outcome"]
        {"failed": damaged, "scored": good, "skipped": flat}[kind].append(code)
    assert (damaged, good, flat) == ([5], [0, 0], [3, 3])
    (tmp_path / "empty").mkdir()
    code, _, err = score(tmp_path / "empty")
    assert code == 3
    assert "no DICOM series, NIfTI file or image" in err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("-k", "0"), 2, "k must be a whole number of at least 1"),
        (("--metric", "cosin"), 2, "cosine"),
        (("--rule", "near"), 2, "nearest"),
    ],
)
def test_a_wrong_setting_is_usage(score, incoming, options, code, said):
    got, _, err = score(incoming, *options)
    assert got == code
    assert said in err


def test_a_missing_folder_and_a_missing_bank(score, incoming, tmp_path, capsys):
    code, _, err = score(tmp_path / "nowhere")
    assert code == 5
    assert "nowhere" in err
    words = ["score", str(incoming), "--bank", str(tmp_path), "--out", str(tmp_path / "o")]
    assert main(words) == 6


def test_pages_are_named_like_their_series_and_old_ones_go(score, incoming, tmp_path):
    reports = tmp_path / "out" / "reports"
    document = json.loads(score(incoming, "--reports", "--json")[1])
    scored = {one["series"] for one in document["series"] if one["outcome"] == "scored"}
    assert {page.stem for page in reports.iterdir()} == scored
    score(incoming, "-k", "1")
    assert list(reports.iterdir()) == []


def test_twice_says_that_nothing_was_done_again(score, incoming):
    score(incoming)
    for options in ((), ("--resume",)):
        code, out, err = score(incoming, *options)
        assert code == 4
        assert "all of them were known already, so nothing was done again" in err
        assert "truncated_pixels" in out


def test_resume_refuses_to_begin(score, incoming, tmp_path):
    code, _, err = score(incoming, "--resume")
    assert code == 2
    assert "no run to resume" in err


def test_a_second_run_is_8(score, incoming, tmp_path):
    from medsiam.scoring.lock import RunLock

    (tmp_path / "out" / "parts").mkdir(parents=True)  # as the first one has made it
    with RunLock(tmp_path / "out"):
        before = sorted(tmp_path.rglob("*"))
        code, _, err = score(incoming, "--send", "ARCHIVE@127.0.0.1:9")
        assert sorted(tmp_path.rglob("*")) == before
    assert code == 8
    assert "another run writes here" in err


def test_dry_run_loads_no_model(phantom_bank, incoming, tmp_path):
    words = ["score", str(incoming), "--bank", str(phantom_bank.path), "--out", str(tmp_path / "o")]
    check = (
        "import sys; from medsiam.cli import main; code = main(sys.argv[1:])\n"
        "assert not {'torch', 'monai'} & set(sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-c", check, *words, "--dry-run"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not (tmp_path / "o").exists()


def test_the_log_tells_of_each_series(score, incoming, tmp_path):
    score(incoming, "--log-json", str(tmp_path / "log"))
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["started", *["series"] * 5, "ended"]
    assert lines[0]["series"] == 5
    assert lines[-1]["exit_code"] == 4
    assert lines[-1]["counts"] == {"scored": 2, "skipped": 2, "failed": 1}


def test_no_name_is_in_anything_but_the_manifest(score, incoming, tmp_path):
    """Names in headers are nowhere; names in paths are in the one table whose job they are."""
    folder = tmp_path / "PLANTED01" / "PLANTED02"
    shutil.copytree(incoming, folder)
    planted = [f"PLANTED{n:02d}" for n in range(1, 9)]
    for path in sorted(folder.rglob("IM*")):
        data = pydicom.dcmread(path)
        data.PatientName, data.PatientID, data.InstitutionName = planted[3:6]
        data.SeriesDescription = planted[6]
        target = path.with_name(f"{planted[2]} {path.name}")
        damaged = path.stat().st_size
        if "PixelData" in data and len(data.PixelData) == data.Rows * data.Columns * 2:
            data.save_as(target)
        else:  # the damaged one
            target.write_bytes(path.read_bytes()[:damaged])
        path.unlink()
    named = tmp_path / "PLANTED01"
    log = tmp_path / "log"
    code, out, err = score(named, "--reports", "--log-json", str(log), "--json")
    assert code == 4
    document = json.loads(out)
    assert document.pop("folder") == str(named)  # as the user typed it
    said = [json.dumps(document), err.replace(str(named), ""), log.read_text()]
    for path in (tmp_path / "out").rglob("*"):
        assert "PLANTED" not in path.name
        if path.is_file() and path.name != "manifest.csv":
            said.append(path.read_bytes().decode("utf-8", "replace"))
    assert not any("PLANTED" in text for text in said)
    manifest = (tmp_path / "out" / "manifest.csv").read_text()
    assert "PLANTED02" in manifest
    assert not any(name in manifest for name in planted[3:])


def test_an_output_folder_in_the_way_is_said_before_any_work(score, incoming, tmp_path):
    (tmp_path / "out").write_text("a file")
    code, out, err = score(incoming)
    assert code == 7
    assert out == ""
    assert "cannot make the folder" in err


def test_a_resampled_series_says_so_wherever_it_is_shown(score, tmp_path):
    folder = tmp_path / "in"
    rng = np.random.default_rng(1)
    files = write_stack(folder, rng.integers(0, 99, (9, 12, 12), np.int16))
    files[4].unlink()
    assert score(folder)[0] == 5
    code, out, _ = score(folder, "--allow-resample", "--reports")
    assert code == 0
    document = json.loads(score(folder, "--allow-resample", "--reports", "--json")[1])
    said = _only(document["series"])["comparison"]["query"]["warnings"]
    (sentence,) = (text for text in said if "interpolat" in text)
    assert sentence in " ".join(out.split())
    with (tmp_path / "out/results.csv").open(newline="") as file:
        assert all(sentence in row["notes"] for row in csv.DictReader(file))
    page = _only(list((tmp_path / "out/reports").iterdir())).read_text()
    assert sentence in page


def _only(things):
    (thing,) = things
    return thing


def test_send_gives_a_real_archive_each_object_once(score, incoming, tmp_path, monkeypatch):
    pytest.importorskip("highdicom", reason="needs the extra pacs")
    from medsiam.pacs import delivery
    from tests.pacs.peers import orthanc

    defaults = delivery.Delivery.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "end_seconds", 3.0)
    assert score(incoming)[0] == 4  # without sending: one file is damaged
    good = tmp_path / "in"
    for folder in incoming.iterdir():
        if folder.is_dir() and score(folder)[0] == 0:
            shutil.copytree(folder, good / folder.name)
    with orthanc(tmp_path / "pacs") as archive:
        archive.stop()
        code, _, err = score(good, "--send", archive.peer)
        assert code == 4
        assert "4 objects were not taken" in err
        assert "cannot be reached" in err
        assert "outbox" in err
        archive.start()
        code, out, err = score(good, "--send", archive.peer, "--json")
        assert code == 0
        assert json.loads(out)["delivered"]["sent"] == 4
        assert "nothing was done again" in err
        assert score(good, "--send", archive.peer)[2].count("0 objects sent to") == 1
        changes = archive.get("/changes?limit=1000")["Changes"]
        assert sum(one["ChangeType"] == "NewInstance" for one in changes) == 4


def test_what_was_scored_before_is_sent_without_comparing_it_again(score, incoming, tmp_path):
    pytest.importorskip("highdicom", reason="needs the extra pacs")
    from tests.pacs.peers import orthanc

    with orthanc(tmp_path / "pacs") as archive:
        score(incoming, "--sr")
        code, _, err = score(incoming, "--stow", archive.web)
        assert code == 4  # one file is damaged
        assert "nothing was done again" in err
        assert len(archive.get("/instances")) == 4


def test_a_wrong_address_is_usage(score, incoming, tmp_path):
    code, _, err = score(incoming, "--send", "PACS")
    assert code == 2
    assert "AET@host:port" in err
    assert not (tmp_path / "out").exists()


def keyfile(folder, mode=0o600, key=b"k" * 40):
    path = folder / "key"
    path.write_bytes(key)
    path.chmod(mode)
    return path


def test_pseudonyms_replace_identity_in_objects_tables_and_what_is_said(score, incoming, tmp_path):
    pytest.importorskip("highdicom", reason="needs the extra pacs")
    key = keyfile(tmp_path)
    images = [pydicom.dcmread(path, force=True) for path in incoming.rglob("IM*")]
    real = {str(ds.PatientID) for ds in images} | {str(ds.SeriesInstanceUID) for ds in images}
    real |= {str(ds.StudyInstanceUID) for ds in images} | {str(ds.SOPInstanceUID) for ds in images}
    log = tmp_path / "log"
    code, out, err = score(
        incoming, "--sr", "--pseudonymise", str(key), "--json", "--log-json", str(log)
    )
    assert code == 4
    said = out + err + log.read_text()
    assert not [name for name in (*real, "k" * 40) if name in said]
    written = list((tmp_path / "out" / "dicom").rglob("*.dcm"))
    assert len(written) == 4
    for path in written:
        ds = pydicom.dcmread(path)
        assert ds.PatientIdentityRemoved == "YES"
        assert not real & {ds.PatientID, ds.StudyInstanceUID}
    assert score(incoming, "--sr", "--pseudonymise", str(key), "--resume")[0] == 4
    code, _, err = score(incoming, "--sr")
    assert code == 2
    assert "choose another --out" in err


@pytest.mark.parametrize(
    ("place", "mode", "key", "why"),
    [
        ("", 0o640, b"k" * 40, "chmod 600"),
        ("", 0o600, b"k" * 31, "at least 32 bytes"),
        ("out", 0o600, b"k" * 40, "may not lie in"),
        ("in", 0o600, b"k" * 40, "may not lie in"),
    ],
)
def test_a_key_that_is_none_or_lies_wrong_is_refused(
    score, incoming, tmp_path, place, mode, key, why
):
    folder = tmp_path / "in"
    shutil.copytree(incoming, folder)
    (tmp_path / place).mkdir(exist_ok=True)
    path = keyfile(tmp_path / place, mode, key)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = score(folder, "--pseudonymise", str(path))
    assert code == 2
    assert why in err
    assert "kkk" not in out + err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_gets_pseudonyms_and_it_is_said(score, incoming, tmp_path):
    pytest.importorskip("highdicom", reason="needs the extra pacs")
    from tests.pacs.peers import orthanc

    with orthanc(tmp_path / "pacs") as archive:
        key = keyfile(tmp_path)
        _, _, err = score(incoming, "--send", archive.peer, "--pseudonymise", str(key))
        assert "not under the original studies" in err
        patients = [archive.get(f"/patients/{one}") for one in archive.get("/patients")]
        names = {one["MainDicomTags"]["PatientID"] for one in patients}
        assert len(names) == 2
        assert all(len(name) == 16 and name.isalnum() for name in names)
        assert len(archive.get("/instances")) == 4
