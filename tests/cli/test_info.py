from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
from PIL import Image

from medsiam.cli import main
from medsiam.scans.faults import FAULTS, WARNINGS
from tests.scans.written import SECRET, SECRET_ID, SERIES, write, write_nifti, write_stack

VOLUME = np.arange(60, dtype=np.int16).reshape(5, 4, 3)
KEYS = {
    "path",
    "kind",
    "modality",
    "shape",
    "spacing_mm",
    "orientation",
    "n_files",
    "readable",
    "faults",
    "warnings",
    "body_part",
    "transfer_syntax",
    "frames",
    "channels",
    "series_uid",
    "accepts_2d",
    "accepts_3d",
}


def info(capsys, path) -> tuple[int, list[dict]]:
    code = main(["info", str(path), "--json"])
    out = capsys.readouterr().out
    entries = json.loads(out)
    assert isinstance(entries, list)
    for entry in entries:
        assert set(entry) >= KEYS
        assert entry["readable"] == (not entry["faults"])
        assert entry["accepts_2d"] + entry["accepts_3d"] == entry["readable"]
        for found in (*entry["faults"], *entry["warnings"]):
            assert found["code"] in (FAULTS if found in entry["faults"] else WARNINGS)
            assert found["message"]
    assert SECRET not in out
    assert SECRET_ID not in out
    return code, entries


def damaged(path):
    path.write_bytes(write(path, VOLUME[0], series="1.2.9").read_bytes()[:-9])


def test_a_series(tmp_path, capsys):
    write_stack(tmp_path, VOLUME, spacing=(0.5, 0.25))
    code, (entry,) = info(capsys, tmp_path)
    assert code == 0
    assert {key: entry[key] for key in KEYS} == {
        "path": str(tmp_path),
        "kind": "dicom",
        "modality": "CT",
        "shape": [3, 4, 5],
        "spacing_mm": [0.25, 0.5, 2.0],
        "orientation": "LPS",
        "n_files": 5,
        "readable": True,
        "faults": [],
        "warnings": [],
        "body_part": None,
        "transfer_syntax": "Explicit VR Little Endian",
        "frames": 5,
        "channels": 1,
        "series_uid": SERIES,
        "accepts_2d": False,
        "accepts_3d": True,
    }


def test_unknown_is_null(tmp_path, capsys):
    write_nifti(tmp_path / "v.nii", VOLUME)
    _, (entry,) = info(capsys, tmp_path / "v.nii")
    assert (entry["kind"], entry["modality"]) == ("nifti", None)
    assert (entry["spacing_mm"], entry["orientation"]) == (None, None)


def test_colour(tmp_path, capsys):
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "x.png")
    _, (entry,) = info(capsys, tmp_path)
    assert (entry["shape"], entry["channels"]) == ([6, 4], 3)
    main(["info", str(tmp_path)])
    assert "6x4 RGB" in capsys.readouterr().out


def test_junk_beside_scans_is_listed_and_no_failure(tmp_path, capsys):
    write_stack(tmp_path, VOLUME)
    (tmp_path / "notes.txt").write_text("words")
    code, entries = info(capsys, tmp_path)
    assert code == 0
    assert [(e["kind"], e["readable"]) for e in entries] == [("dicom", True), ("other", False)]
    assert entries[1]["faults"][0]["code"] == "unknown_format"


def test_exit_codes(tmp_path, capsys):
    (tmp_path / "none").mkdir()
    assert info(capsys, tmp_path / "none") == (3, [])
    (tmp_path / "none/notes.txt").write_text("words")
    assert info(capsys, tmp_path / "none")[0] == 3
    assert info(capsys, tmp_path / "none/notes.txt")[0] == 5
    damaged(tmp_path / "bad/x.dcm")
    assert info(capsys, tmp_path / "bad")[0] == 5
    assert info(capsys, tmp_path / "bad/x.dcm")[0] == 5
    write_stack(tmp_path / "bad/good", VOLUME)
    code, entries = info(capsys, tmp_path / "bad")
    assert code == 4
    assert [e["faults"] and e["faults"][0]["code"] for e in entries] == [[], "truncated_pixels"]


def test_a_missing_path_is_one_line(tmp_path, capsys):
    assert main(["info", str(tmp_path / "gone")]) == 5
    err = capsys.readouterr().err
    assert "no such file" in err
    assert "Traceback" not in err


def test_text_names_series_faults_and_notes(tmp_path, capsys):
    write_stack(tmp_path / "ct", VOLUME)
    damaged(tmp_path / "x.dcm")
    (tmp_path / "notes.txt").write_text("words")
    assert main(["info", str(tmp_path)]) == 4
    out = capsys.readouterr().out
    assert "3x4x5" in out
    assert "LPS" in out
    assert "truncated_pixels: " in out
    assert "unknown_format: " in out
    assert SECRET_ID not in out


def test_equal_remarks_are_one_line(tmp_path, capsys):
    for k in range(60):
        (tmp_path / f"{k:02}.txt").write_text("words")
    assert main(["info", str(tmp_path)]) == 3
    captured = capsys.readouterr()
    said, counts = captured.out.splitlines()
    assert said.startswith("60 x unknown_format: it looks like text")
    assert said.endswith("(first: 00.txt)")
    assert counts == "0 readable, 0 refused; 60 other files"
    assert "no DICOM series" in captured.err


def test_one_series_is_told_in_full(tmp_path, capsys):
    write_stack(tmp_path, VOLUME, BodyPartExamined="KNEE")
    main(["info", str(tmp_path)])
    out = capsys.readouterr().out
    told = dict(line.strip().split("   ", 1) for line in out.splitlines() if "   " in line.strip())
    told = {name: value.strip() for name, value in told.items()}
    assert told["body part"] == "KNEE"
    assert told["transfer syntax"] == "Explicit VR Little Endian"
    assert (told["2D scoring"], told["3D scoring"]) == ("not accepted", "accepted")
    assert "1 readable, 0 refused; 0 other files" in out


def test_time_points_are_one_row_and_many_entries(tmp_path, capsys):
    write_nifti(tmp_path / "fmri.nii", np.zeros((4, 5, 3, 6), np.int16), np.diag([2.0, 2, 2, 1]))
    write_nifti(tmp_path / "other.nii", VOLUME, np.eye(4))
    code, entries = info(capsys, tmp_path)
    assert code == 0
    assert [entry["path"].endswith("fmri.nii") for entry in entries] == [True] * 6 + [False]
    assert [entry["part"] for entry in entries[:6]] == list(range(6))
    main(["info", str(tmp_path)])
    out = capsys.readouterr().out
    (row,) = (line for line in out.splitlines() if "fmri.nii" in line)
    assert "6 volumes" in row
    assert row.split()[-2:] == ["1", "3D"]


def test_a_refused_series_says_so_in_its_row_and_why_below(tmp_path, capsys):
    write_stack(tmp_path / "good", VOLUME)
    for file in write_stack(tmp_path / "gap", np.zeros((9, 4, 4), np.int16), series="1.2.7")[3:4]:
        file.unlink()
    assert main(["info", str(tmp_path)]) == 4
    out = capsys.readouterr().out
    (row,) = (line for line in out.splitlines() if line.startswith("  gap"))
    assert row.split()[-1] == "refused"
    assert "missing_slices: gap: " in out
    assert "1 readable, 1 refused; 0 other files" in out


def test_the_table_fits_and_odd_names_print(tmp_path, capsys):
    folder = tmp_path / ("a_long_name_of_a_folder_" * 4)
    write_stack(folder / "one", VOLUME, spacing=(0.123456, 0.123456))
    odd = os.fsdecode(b"M\xfcller \x1b[31m.dcm")
    write(folder / odd, VOLUME[0], series="1.2.8")
    assert main(["info", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    out.encode("utf-8")
    assert "\x1b" not in out
    table = [line for line in out.splitlines() if line.startswith("  ")]
    assert max(map(len, table)) <= 100
    assert info(capsys, tmp_path)[0] == 0


def test_a_zip_is_told_like_its_folder(tmp_path, capsys):
    write_stack(tmp_path / "in/s", VOLUME)
    (tmp_path / "in/notes.txt").write_text("words")
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "in")
    _, (series, junk) = info(capsys, tmp_path / "study.zip")
    assert (series["shape"], series["readable"]) == ([3, 4, 5], True)
    assert junk["faults"][0]["code"] == "unknown_format"
    assert main(["info", str(tmp_path / "study.zip")]) == 0
    capsys.readouterr()
    shutil.rmtree(tmp_path / "in/s")
    shutil.make_archive(str(tmp_path / "junk"), "zip", tmp_path / "in")
    assert info(capsys, tmp_path / "junk.zip")[0] == 3


def test_neither_torch_nor_monai_is_needed(tmp_path):
    write_stack(tmp_path, VOLUME)
    script = (
        "import sys; from medsiam.cli import main; "
        f"code = main(['info', {str(tmp_path)!r}]); "
        "assert code == 0; "
        "sys.exit(bool({'torch', 'monai', 'streamlit', 'sqlalchemy'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_real_samples(medsiam_data, capsys):
    folder = medsiam_data / "dicom_samples/broken_on_purpose"
    code, entries = info(capsys, folder)
    assert code == 4
    found = {
        entry["path"].removeprefix(f"{folder}/"): (
            entry["n_files"],
            entry["faults"][0]["code"] if entry["faults"] else entry["shape"],
        )
        for entry in entries
    }
    assert len(entries) == 9  # mixed_matrix holds two series of one path
    assert found == {
        "duplicate_slices": (22, [34, 50, 20]),
        "empty.dcm": (1, "empty_file"),
        "missing_slices": (38, "missing_slices"),
        "mixed_matrix": (3, [34, 52, 3]),
        "no_extension/IM0001": (1, [34, 50]),
        "shuffled_names": (40, [34, 50, 40]),
        "text_renamed.dcm": (1, "unknown_format"),
        "truncated_file.dcm": (1, "truncated_pixels"),
    }
