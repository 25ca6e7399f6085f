from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest

from medsiam.bank.kept_scans import read_kept_scan, write_scan
from medsiam.bank.store import ScanFacts
from medsiam.errors import BankError
from medsiam.scans import Scan
from tests.bank.samples import make_volume

# Values that float32 does not hold, so that rounding on the way would be seen.
AFFINE = np.array([[-0.7, 0.01, 0, 91.3], [0.02, 0.71, 0, -126.7], [0, 0, 1 / 3, 5], [0, 0, 0, 1]])


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
    path = write_scan(scan, tmp_path)
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
    image = nibabel.load(write_scan(SCANS[name], tmp_path))
    assert image.get_data_dtype() == dtype
    slope = image.dataobj.slope, image.dataobj.inter
    assert slope == (1.0, 0.0)


def test_other_viewers_see_the_geometry_that_is_known(tmp_path):
    known = nibabel.load(write_scan(SCANS["CT volume"], tmp_path))
    np.testing.assert_allclose(known.affine, AFFINE, rtol=1e-6)
    np.testing.assert_array_equal(known.get_fdata(), SCANS["CT volume"].array)
    spaced = nibabel.load(write_scan(SCANS["volume with spacing only"], tmp_path))
    np.testing.assert_allclose(spaced.header.get_zooms(), (0.5, 0.5, 3))
    assert spaced.header.get_xyzt_units()[0] == "mm"
    unknown = nibabel.load(write_scan(SCANS["volume without geometry"], tmp_path))
    for image in (spaced, unknown):
        assert (image.header["sform_code"], image.header["qform_code"]) == (0, 0)
    assert unknown.header.get_xyzt_units()[0] == "unknown"


def test_the_same_scan_gives_the_same_bytes_and_is_written_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (write_scan(SCANS["CT volume"], tmp_path / place) for place in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert [p.name for p in (tmp_path / "a").iterdir()] == [first.name]
    before = first.stat().st_mtime_ns
    write_scan(SCANS["CT volume"], tmp_path / "a")
    assert first.stat().st_mtime_ns == before


def test_nothing_of_the_header_goes_along(tmp_path):
    scan = make_volume(1, patient_id="SECRET-7", study_uid="1.2.826", series_uid="1.2.827")
    path = write_scan(scan, tmp_path)
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
    path = write_scan(scan, tmp_path)
    whole = path.read_bytes()
    for damage in (
        b"",
        whole[: len(whole) // 2],
        whole[:-40] + bytes([whole[-40] ^ 4]) + whole[-39:],
    ):
        path.write_bytes(damage)
        with pytest.raises(BankError, match=r"case c7: its kept scan .* is damaged"):
            read_kept_scan(facts, tmp_path, case_id="c7")
    path.write_bytes(write_scan(other, tmp_path).read_bytes())
    with pytest.raises(BankError, match="case c7"):
        read_kept_scan(facts, tmp_path, case_id="c7")
