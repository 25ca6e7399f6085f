from __future__ import annotations

import nibabel
import numpy as np
import pytest

from medsiam.phantoms.nifti import write_nifti
from medsiam.phantoms.phantom import make_phantom


@pytest.fixture(scope="module")
def volume():
    return make_phantom("dumbbell", spatial_dims=3, patient_id="SYN-n", random_state=3)


@pytest.fixture(scope="module")
def radiograph():
    return make_phantom("dumbbell", spatial_dims=2, patient_id="SYN-n", random_state=3)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "deep/er/a.nii.gz"])
def test_volume_comes_back_with_its_geometry(volume, tmp_path, name):
    path = write_nifti(volume, tmp_path / name)
    assert path == tmp_path / name
    image = nibabel.load(path)
    np.testing.assert_array_equal(image.get_fdata(), volume.array)
    for affine, code in (image.header.get_sform(coded=True), image.header.get_qform(coded=True)):
        assert code == 1
        np.testing.assert_allclose(affine, volume.affine, atol=1e-3)
    np.testing.assert_allclose(image.header.get_zooms(), volume.spacing, rtol=1e-6)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.get_data_dtype() == np.int16


def test_a_radiograph_has_spacing_but_no_position(radiograph, tmp_path):
    image = nibabel.load(write_nifti(radiograph, tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(image.get_fdata(), radiograph.array)
    assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 0
    np.testing.assert_allclose(image.header.get_zooms(), radiograph.spacing, rtol=1e-6)


def test_header_says_synthetic_and_names_no_condition(volume, tmp_path):
    content = write_nifti(volume, tmp_path / "a.nii").read_bytes()
    assert b"SYNTHETIC medsiam phantom" in content[:348]
    assert b"dumbbell" not in content


def test_the_same_phantom_gives_the_same_bytes(volume, tmp_path):
    files = [write_nifti(volume, tmp_path / name / "a.nii.gz") for name in ("one", "other")]
    assert files[0].read_bytes() == files[1].read_bytes()
