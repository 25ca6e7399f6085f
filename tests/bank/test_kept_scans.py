from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsiam.bank import kept_scans
from medsiam.bank.kept_scans import check_kept_scans, read_kept_scan, scan_path, write_scan
from medsiam.bank.store import ScanFacts
from medsiam.errors import BankError
from medsiam.scans import Scan
from tests.bank.samples import make_volume

# Values that float32 does not hold, so that rounding on the way would be seen.
AFFINE = np.array([[-0.7, 0.01, 0, 91.3], [0.02, 0.71, 0, -126.7], [0, 0, 1 / 3, 5], [0, 0, 0, 1]])


def keep(scan: Scan, folder: Path) -> Path:
    path = scan_path(folder, scan.content_hash)
    assert write_scan(scan, folder) == hashlib.sha256(path.read_bytes()).hexdigest()
    return path


def array(shape: tuple[int, ...], *, whole: bool) -> np.ndarray:
    random = np.random.default_rng(7)
    values = random.integers(-1024, 3000, shape) if whole else random.normal(size=shape) * 1e3
    return values.astype(np.float32)


SCANS = {
    "image without geometry": Scan(array=array((7, 9), whole=True), spatial_dims=2),
    "image with spacing only": Scan(
        array=array((7, 9), whole=True), spatial_dims=2, spacing=(0.1, 0.143), modality="CR"
    ),
    "image with affine": Scan(
        array=array((7, 9), whole=True), spatial_dims=2, affine=AFFINE, spacing=(0.7, 0.71)
    ),
    "colour image": Scan(
        array=array((7, 9, 3), whole=True), spatial_dims=2, photometric="RGB", modality="SM"
    ),
    "CT volume": Scan(
        array=array((4, 5, 6), whole=True),
        spatial_dims=3,
        affine=AFFINE,
        spacing=(0.7, 0.71, 1 / 3),
        modality="CT",
        body_part="CHEST",
        window=(-600.0, 1500.0),
        photometric="MONOCHROME2",
    ),
    "volume with fractions": Scan(
        array=array((4, 5, 6), whole=False), spatial_dims=3, affine=AFFINE, spacing=(1, 2, 3)
    ),
    "volume without geometry": Scan(array=array((4, 5, 6), whole=False), spatial_dims=3),
    "volume with spacing only": Scan(
        array=array((4, 5, 6), whole=True), spatial_dims=3, spacing=(0.5, 0.5, 3)
    ),
    "volume of one slice": Scan(array=array((4, 5, 1), whole=True), spatial_dims=3),
    "colour volume": Scan(array=array((4, 5, 6, 3), whole=True), spatial_dims=3),
    "values beyond int16": Scan(array=array((4, 5), whole=True) * 64, spatial_dims=2),
    "negative zero": Scan(array=-np.zeros((4, 5), np.float32), spatial_dims=2),
    "denormal": Scan(array=np.full((4, 5), 1e-42, np.float32), spatial_dims=2),
}


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_comes_back_as_it_went_in(name, tmp_path):
    scan = SCANS[name]
    path = keep(scan, tmp_path)
    back = read_kept_scan(ScanFacts.of(scan), tmp_path, case_id="c1")
    assert path.name == f"{scan.content_hash}.nii.gz"
    assert back.array.tobytes() == scan.array.tobytes()
    assert back.array.shape == scan.array.shape
    if scan.affine is None:
        assert back.affine is None
    else:
        np.testing.assert_array_equal(back.affine, scan.affine)
    for field in ("spatial_dims", "spacing", "modality", "body_part", "window", "photometric"):
        assert getattr(back, field) == getattr(scan, field), field
    assert back.content_hash == scan.content_hash


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("CT volume", np.int16),
        ("volume with fractions", np.float32),
        ("values beyond int16", np.float32),
        ("negative zero", np.float32),
    ],
)
def test_whole_values_take_half_the_place(name, dtype, tmp_path):
    image = nibabel.load(keep(SCANS[name], tmp_path))
    assert image.get_data_dtype() == dtype
    slope = image.dataobj.slope, image.dataobj.inter
    assert slope == (1.0, 0.0)


def test_other_viewers_see_the_geometry_that_is_known(tmp_path):
    known = nibabel.load(keep(SCANS["CT volume"], tmp_path))
    np.testing.assert_allclose(known.affine, AFFINE, rtol=1e-6)
    np.testing.assert_array_equal(known.get_fdata(), SCANS["CT volume"].array)
    spaced = nibabel.load(keep(SCANS["volume with spacing only"], tmp_path))
    np.testing.assert_allclose(spaced.header.get_zooms(), (0.5, 0.5, 3))
    assert spaced.header.get_xyzt_units()[0] == "mm"
    unknown = nibabel.load(keep(SCANS["volume without geometry"], tmp_path))
    for image in (spaced, unknown):
        assert (image.header["sform_code"], image.header["qform_code"]) == (0, 0)
    assert unknown.header.get_xyzt_units()[0] == "unknown"


def test_the_same_scan_gives_the_same_bytes_and_is_written_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (keep(SCANS["CT volume"], tmp_path / place) for place in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert [p.name for p in (tmp_path / "a").iterdir()] == [first.name]
    before = first.stat().st_mtime_ns
    keep(SCANS["CT volume"], tmp_path / "a")
    assert first.stat().st_mtime_ns == before


def test_nothing_of_the_header_goes_along(tmp_path):
    scan = make_volume(1, patient_id="SECRET-7", study_uid="1.2.826", series_uid="1.2.827")
    path = keep(scan, tmp_path)
    content = gzip.decompress(path.read_bytes())
    for word in (b"SECRET-7", b"1.2.826", b"1.2.827"):
        assert word not in content
        assert word not in path.read_bytes()
    assert path.read_bytes()[3] & 0b1000 == 0, "gzip header holds a file name"
    back = read_kept_scan(ScanFacts.of(scan), tmp_path, case_id="c1")
    assert (back.patient_id, back.study_uid, back.series_uid) == (None, None, None)


def test_a_missing_a_damaged_and_an_exchanged_file_name_the_case(tmp_path):
    scan, other = make_volume(1), make_volume(2)
    facts = ScanFacts.of(scan)
    with pytest.raises(BankError, match=r"case c7: its kept scan .* is missing"):
        read_kept_scan(facts, tmp_path, case_id="c7")
    path = keep(scan, tmp_path)
    whole = path.read_bytes()
    for damage in (
        b"",
        whole[: len(whole) // 2],
        whole[:-40] + bytes([whole[-40] ^ 4]) + whole[-39:],
    ):
        path.write_bytes(damage)
        with pytest.raises(BankError, match=r"case c7: its kept scan .* is damaged"):
            read_kept_scan(facts, tmp_path, case_id="c7")
    path.write_bytes(keep(other, tmp_path).read_bytes())
    with pytest.raises(BankError, match="case c7"):
        read_kept_scan(facts, tmp_path, case_id="c7")


def test_a_damaged_file_left_by_a_kill_is_written_anew(tmp_path):
    scan = make_volume(1)
    path = keep(scan, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + bytes([whole[-40] ^ 4]) + whole[-39:])
    assert keep(scan, tmp_path).read_bytes() == whole


def test_one_another_program_compressed_is_kept_as_it_is(tmp_path):
    scan = make_volume(1)
    path = keep(scan, tmp_path)
    other = gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=9)
    path.write_bytes(other)
    assert keep(scan, tmp_path).read_bytes() == other


def facts_of(*scans: Scan, folder: Path) -> list[tuple[str, ScanFacts]]:
    return [
        (f"c{n}", replace(ScanFacts.of(scan), kept_digest=write_scan(scan, folder)))
        for n, scan in enumerate(scans)
    ]


def test_every_flipped_byte_of_a_kept_file_is_found_without_reading_it_as_a_scan(tmp_path):
    scans = [make_volume(n) for n in range(3)]
    kept = facts_of(*scans, folder=tmp_path)
    check_kept_scans(kept, tmp_path)
    path = scan_path(tmp_path, scans[1].content_hash)
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(BankError, match=r"case c1: its kept scan .* is damaged"):
            check_kept_scans(kept, tmp_path)
    path.unlink()
    with pytest.raises(BankError, match=r"case c1: its kept scan .* is missing"):
        check_kept_scans(kept, tmp_path)


def test_files_beyond_the_first_gigabyte_are_looked_for_only(tmp_path, monkeypatch):
    scans = [make_volume(n) for n in range(3)]
    kept = facts_of(*scans, folder=tmp_path)
    first, _, last = (scan_path(tmp_path, scan.content_hash) for scan in scans)
    monkeypatch.setattr(kept_scans, "READ_ON_OPENING", first.stat().st_size)
    last.write_bytes(b"other")
    check_kept_scans(kept, tmp_path)
    with pytest.raises(BankError, match="case c2"):
        read_kept_scan(kept[2][1], tmp_path, case_id="c2")
    last.unlink()
    with pytest.raises(BankError, match=r"case c2: .* is missing"):
        check_kept_scans(kept, tmp_path)


def test_a_file_whose_checksum_is_not_known_is_looked_for_only(tmp_path):
    scan = make_volume(1)
    path = keep(scan, tmp_path)
    path.write_bytes(b"other")
    check_kept_scans([("c1", ScanFacts.of(scan))], tmp_path)
