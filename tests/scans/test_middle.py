from __future__ import annotations

import nibabel
import numpy as np
import pydicom

from medsiam.phantoms import write_cases
from medsiam.scans import index_folder, read_middle


def test_of_a_series_only_the_middle_file_is_read(tmp_path):
    write_cases(tmp_path, spatial_dims=3, conditions=["dumbbell"], n_patients=1, random_state=1,
                form="dicom")  # fmt: skip
    (source,) = index_folder(tmp_path / "scans").sources
    middle = source.files[len(source.files) // 2]
    for file in source.files:
        if file != middle:
            file.unlink()
    scan = read_middle(source)
    header = pydicom.dcmread(middle)
    expected = header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept)
    np.testing.assert_allclose(scan.array, expected.T)
    assert scan.sources == (middle,)


def test_of_a_volume_in_one_file_the_middle_slice_is_kept(tmp_path):
    values = np.arange(4 * 5 * 7, dtype=np.float32).reshape(4, 5, 7)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([2.0, 2.0, 4.0, 1.0])), tmp_path / "a.nii.gz")
    (source,) = index_folder(tmp_path).sources
    scan = read_middle(source)
    np.testing.assert_array_equal(scan.array, values[:, :, 3])
    assert (scan.spatial_dims, scan.spacing) == (2, (2.0, 2.0))
