"""`medsiam compare` on a real, tiny bank, as typed."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pypdf import PdfReader

from medsiam.bank import ReferenceBank
from medsiam.cli import main
from medsiam.comparison import RESEARCH_USE, compare
from medsiam.encoders import Architecture, new_encoder
from medsiam.preprocessing import Recipe
from medsiam.reports import comparison_document
from medsiam.scans import read_scan
from tests.scans.written import SECRET_ID, write, write_stack


def write_picture(path, seed, *, ring):
    """A bright disc, or a ring, somewhere on a noisy ground."""
    random = np.random.default_rng(seed)
    x, y = np.mgrid[:40, :40] - random.uniform(15, 25, size=(2, 1, 1))
    radius = np.hypot(x, y)
    shape = (radius < 9) & (radius > (6 if ring else -1))
    values = 60 + 120 * shape + random.normal(scale=8, size=(40, 40))
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path)
    return path


def tiny_encoder():
    return new_encoder(
        Architecture(spatial_dims=2, backbone="resnet10", embedding_dim=8, width=0.25),
        Recipe(spatial_dims=2, spatial_size=(32, 32)),
        name="tiny",
        licence="CC0-1.0",
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a bank of twelve patients, a query and a volume."""
    folder = tmp_path_factory.mktemp("compare")
    bank = ReferenceBank.create(folder / "bank", tiny_encoder())
    for i in range(12):
        path = write_picture(folder / f"case_{i}.png", i, ring=i % 2 == 0)
        bank.add(
            read_scan(path),
            case_id=f"case {i}",
            condition="ring" if i % 2 == 0 else "disc",
            patient_id=f"SECRET-{i}",
            proof="histology",
        )
    write_picture(folder / "query.png", 99, ring=True)
    volume = nibabel.Nifti1Image(np.zeros((8, 8, 8), np.float32), np.eye(4))
    nibabel.save(volume, folder / "volume.nii.gz")
    return folder


def run(place, *arguments, scan="query.png"):
    return main(["compare", str(place / scan), "--bank", str(place / "bank"), *arguments])


def test_json_is_one_document_and_the_librarys_answer(place, capsys):
    assert run(place, "--json", "-k", "3", "--metric", "euclidean", "--rule", "vote") == 0
    document = json.loads(capsys.readouterr().out)
    bank = ReferenceBank.open(place / "bank")
    result = compare(read_scan(place / "query.png"), bank, k=3, metric="euclidean", rule="vote")
    expected = json.loads(json.dumps(comparison_document(result)))
    assert document | {"created": ""} == expected | {"created": ""}
    assert document["verdict"]["threshold"] is not None
    assert document["query"]["path"] == str(place / "query.png")


def test_text_holds_verdict_conditions_and_matches(place, capsys):
    assert run(place, "--patient-id", "new") == 0
    out, err = capsys.readouterr()
    result = compare(
        read_scan(place / "query.png"), ReferenceBank.open(place / "bank"), patient_id="new"
    )
    assert out.startswith(result.verdict.text)
    shown = []
    for match in result.matches:
        line = next(line for line in out.splitlines() if match.patient in line)
        assert all(text in line for text in (match.case_id, match.condition))
        shown.append(line.split()[-2])
        assert float(shown[-1]) == pytest.approx(match.distance, rel=0.05)
    assert len(set(shown)) == len({match.distance for match in result.matches})
    for entry in result.conditions:
        assert entry.nearest_case_id in out
    assert "research use only" in err


def test_files_are_written(place, tmp_path, capsys):
    page, rows = tmp_path / "out" / "page.html", tmp_path / "rows.csv"
    assert run(place, "--report", str(page), "--csv", str(rows), "--json") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert str(page) in err
    html = page.read_text("utf-8")
    assert document["verdict"]["text"].split(":")[0] in html
    assert html.count("data:image/png;base64,") == 6
    assert html.count(RESEARCH_USE) == 2
    with rows.open(newline="", encoding="utf-8") as stream:
        cases = [row["case_id"] for row in csv.DictReader(stream)]
    assert cases == [match["case_id"] for match in document["matches"]]


def test_a_page_may_be_a_pdf(place, tmp_path, capsys):
    page = tmp_path / "page.PDF"
    assert run(place, "--report", str(page), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    text = " ".join(PdfReader(page).pages[0].extract_text().split())
    assert all(match["case_id"] in text for match in document["matches"])
    assert text.count(RESEARCH_USE) == 2
    assert run(place, "--report", str(tmp_path / "page.docx")) == 2
    assert "a page ends in .html or .htm or .pdf" in capsys.readouterr().err


def test_the_own_patient_never_counts_and_is_never_named(place, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert run(place, "--patient-id", "SECRET-4", "-k", "12", "--report", str(page)) == 0
    out, err = capsys.readouterr()
    assert "Left out of the ranking: 1 case of the query's own patient." in out
    assert "case 4 " not in out
    assert "SECRET" not in out + err + page.read_text("utf-8")


def test_a_scan_that_is_in_the_bank_does_not_find_itself(place, capsys):
    assert run(place, "--json", "-k", "12", scan="case_3.png") == 0
    document = json.loads(capsys.readouterr().out)
    assert "case 3" not in [match["case_id"] for match in document["matches"]]
    assert "This very scan is in the bank already (case case 3)." in document["notes"]


def test_k_beyond_the_bank_is_a_notice(place, capsys):
    assert run(place, "--json", "-k", "500") == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["matches"]) == 12
    assert "k = 500, but only 12 patients can be compared" in err


@pytest.mark.parametrize(
    ("arguments", "scan", "code", "says"),
    [
        (("--metric", "cosin"), "query.png", 2, "did you mean cosine"),
        (("--rule", "votes"), "query.png", 2, "did you mean vote"),
        (("-k", "0"), "query.png", 2, "at least 1"),
        ((), "nothing.png", 5, "nothing.png"),
        ((), "volume.nii.gz", 6, "3D scan, but bank bank compares 2D"),
        (("--report", "/proc/page.html"), "query.png", 7, "cannot write"),
        (("--bank", "/proc/no_bank"), "query.png", 6, "no bank"),
    ],
)
def test_bad_input_is_one_line_and_the_right_code(place, capsys, arguments, scan, code, says):
    assert run(place, *arguments, scan=scan) == code
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("medsiam: error: ")
    assert says in error


def test_too_many_scans(place, capsys):
    scan = str(place / "query.png")
    assert main(["compare", scan, scan, "--bank", str(place / "bank")]) == 6
    assert "1 scan, but the query has 2" in capsys.readouterr().err


def test_a_gap_is_refused_unless_resampling_is_allowed_and_then_said(
    phantom_bank, tmp_path, capsys
):
    files = write_stack(
        tmp_path / "gap", np.random.default_rng(1).integers(0, 99, (9, 12, 12), np.int16)
    )
    files[4].unlink()
    typed = ["compare", str(tmp_path / "gap"), "--bank", str(phantom_bank.path)]
    assert main(typed) == 5
    assert "--allow-resample" in capsys.readouterr().err
    typed += ["--allow-resample", "--csv", str(tmp_path / "x.csv")]
    assert main([*typed, "--report", str(tmp_path / "x.html")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert main([*typed, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["query"]["warnings"]
    (sentence,) = (warning for warning in said if "interpolat" in warning)
    assert f"Note: {sentence}" in text
    with (tmp_path / "x.csv").open(newline="") as file:
        assert all(sentence in row["notes"] for row in csv.DictReader(file))
    assert sentence in (tmp_path / "x.html").read_text()


def test_sr_writes_what_an_archive_files_under_the_same_study(place, tmp_path, capsys):
    values = np.random.default_rng(5).integers(60, 180, size=(40, 40)).astype(np.uint16)
    query = write(tmp_path / "query.dcm", values)
    asked = ["compare", str(query), "--bank", str(place / "bank"), "--json"]
    assert main([*asked, "--sr", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    written = [pydicom.dcmread(path) for path in (tmp_path / "out").iterdir()]
    assert {ds.Modality for ds in written} == {"SR", "OT"}
    assert {ds.StudyInstanceUID for ds in written} == {json.loads(out)["query"]["study_uid"]}
    assert all(f"{ds.SOPInstanceUID}.dcm" in err for ds in written)
    assert SECRET_ID not in err


def test_sr_of_a_picture_that_is_no_dicom_is_one_clear_line(place, tmp_path, capsys):
    assert run(place, "--sr", str(tmp_path)) == 2
    assert "query.png: no DICOM file" in capsys.readouterr().err
