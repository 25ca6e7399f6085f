from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from medsiam.errors import ScanError
from medsiam.scans.dicom.single import read_dicom
from tests.scans.written import SECRET_ID, SERIES, dataset, enhanced, write

PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
FRAMES = np.arange(36, dtype=np.uint16).reshape(3, 3, 4)
POSITIONS = [(0, 0, 6), (0, 0, 0), (0, 0, 3)]


def saved(tmp_path, ds):
    ds.save_as(tmp_path / "a", enforce_file_format=True)
    return tmp_path / "a"


def code_of(path):
    with pytest.raises(ScanError) as caught:
        read_dicom(path)
    return caught.value.code


def test_a_slice_is_2d_with_its_facts(tmp_path):
    path = write(
        tmp_path / "a",
        PIXELS,
        position=(10, 20, 30),
        spacing=(0.5, 0.25),
        SliceThickness=4,
        WindowCenter=3,
        WindowWidth=5,
    )
    scan = read_dicom(path)
    assert scan.spatial_dims == 2
    np.testing.assert_array_equal(scan.array, PIXELS.T)
    assert scan.spacing == (0.25, 0.5)
    by_hand = [[-0.25, 0, 0, -10], [0, -0.5, 0, -20], [0, 0, 4, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(scan.affine, by_hand)
    assert scan.orientation == "LP"
    assert (scan.modality, scan.window, scan.photometric) == ("CT", (3, 5), "MONOCHROME2")
    assert (scan.series_uid, scan.sources) == (SERIES, (path,))
    assert scan.patient_id == SECRET_ID
    assert SECRET_ID not in repr(scan)


def test_a_radiograph_keeps_its_spacing_without_position(tmp_path):
    scan = read_dicom(write(tmp_path / "a", PIXELS, position=None, spacing=(0.2, 0.1)))
    assert scan.affine is None
    assert scan.orientation is None
    assert scan.spacing == (0.1, 0.2)


def test_nothing_known_stays_unknown(tmp_path):
    scan = read_dicom(write(tmp_path / "a", PIXELS, position=None, spacing=None))
    assert (scan.affine, scan.spacing) == (None, None)


def test_monochrome1_is_large_where_it_is_bright(tmp_path):
    path = write(
        tmp_path / "a", PIXELS, PhotometricInterpretation="MONOCHROME1", BitsStored=8, HighBit=7
    )
    scan = read_dicom(path)
    np.testing.assert_array_equal(scan.array, 255 - PIXELS.T.astype(int))
    assert scan.photometric == "MONOCHROME1"


def test_frames_with_positions_are_a_volume_in_the_order_of_positions(tmp_path):
    scan = read_dicom(saved(tmp_path, enhanced(FRAMES, POSITIONS)))
    assert scan.array.shape == (4, 3, 3)
    for z, frame in enumerate((1, 2, 0)):
        np.testing.assert_array_equal(scan.array[..., z], FRAMES[frame].T)
    assert scan.spacing == (0.25, 0.5, 3)
    by_hand = [[-0.25, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(scan.affine, by_hand)


def test_each_frame_has_its_own_rescale_and_the_middle_one_gives_the_window(tmp_path):
    ds = enhanced(FRAMES, POSITIONS)
    for k, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        change, voi = Dataset(), Dataset()
        change.RescaleSlope, change.RescaleIntercept, change.RescaleType = k + 1, -k, "US"
        voi.WindowCenter, voi.WindowWidth = 10 * k, 5
        group.PixelValueTransformationSequence = [change]
        group.FrameVOILUTSequence = [voi]
    scan = read_dicom(saved(tmp_path, ds))
    for z, k in enumerate((1, 2, 0)):
        np.testing.assert_array_equal(scan.array[..., z], FRAMES[k].T.astype(int) * (k + 1) - k)
    assert scan.window == (20, 5)


def test_one_enhanced_frame_is_2d_with_its_geometry(tmp_path):
    scan = read_dicom(saved(tmp_path, enhanced(FRAMES[:1], POSITIONS[:1])))
    assert scan.spatial_dims == 2
    assert scan.spacing == (0.25, 0.5)
    assert scan.affine is not None
    assert scan.affine[2, 3] == 6


def test_frames_without_positions_are_no_volume(tmp_path):
    path = write(tmp_path / "a", FRAMES, NumberOfFrames=3, position=None)
    with pytest.raises(ScanError, match="3 frames without positions") as caught:
        read_dicom(path)
    assert caught.value.code == "frames_without_positions"
    scan = read_dicom(path, part=1)
    np.testing.assert_array_equal(scan.array, FRAMES[1].T)
    assert (scan.spatial_dims, scan.affine) == (2, None)
    assert scan.warnings[0] == "frame 2 of 3"
    with pytest.raises(ScanError) as caught:
        read_dicom(path, part=3)
    assert caught.value.code == "no_such_part"


def test_frames_in_two_directions_or_spacings_are_no_volume(tmp_path):
    ds = enhanced(FRAMES, POSITIONS)
    own = Dataset()
    own.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    ds.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [own]
    assert code_of(saved(tmp_path, ds)) == "mixed_orientation"
    ds = enhanced(FRAMES, POSITIONS)
    own = Dataset()
    own.PixelSpacing = [0.7, 0.7]
    ds.PerFrameFunctionalGroupsSequence[1].PixelMeasuresSequence = [own]
    assert code_of(saved(tmp_path, ds)) == "mixed_spacing"


def test_time_points_of_frames_are_read_one_by_one(tmp_path):
    frames = np.arange(48, dtype=np.uint16).reshape(4, 3, 4)
    path = saved(tmp_path, enhanced(frames, [(0, 0, 0), (0, 0, 0), (0, 0, 3), (0, 0, 3)]))
    assert code_of(path) == "several_time_points"
    for part in (0, 1):
        scan = read_dicom(path, part=part)
        for z in (0, 1):
            np.testing.assert_array_equal(scan.array[..., z], frames[2 * z + part].T)


def test_gaps_in_frames(tmp_path):
    path = saved(tmp_path, enhanced(FRAMES, [(0, 0, 0), (0, 0, 3), (0, 0, 9)]))
    assert code_of(path) == "uneven_slices"
    assert read_dicom(path, allow_resample=True).warnings[0].code == "resampled"
    path = saved(tmp_path, enhanced(FRAMES, [(0, 0, 0), (0, 0, 3), (0, 0, 3)]))
    assert code_of(path) == "repeated_positions"


def test_a_slice_has_no_parts(tmp_path):
    path = write(tmp_path / "a", PIXELS)
    assert read_dicom(path, part=0).spatial_dims == 2
    with pytest.raises(ScanError) as caught:
        read_dicom(path, part=1)
    assert caught.value.code == "no_such_part"


def test_deflated_and_big_endian_files_are_read_alike(tmp_path):
    plain = read_dicom(write(tmp_path / "a", PIXELS))
    for syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian):
        ds = Dataset()
        ds.update(dataset(PIXELS))
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = PIXELS.astype(">u2").tobytes()
        dcmwrite(tmp_path / "b", ds, enforce_file_format=True)
        scan = read_dicom(tmp_path / "b")
        np.testing.assert_array_equal(scan.array, plain.array)
        np.testing.assert_array_equal(scan.affine, plain.affine)


def test_nan_in_float_pixels_is_replaced_and_said(tmp_path):
    ds = dataset(PIXELS)
    del ds.PixelData
    values = PIXELS.astype("<f4")
    values[0, 0] = np.nan
    ds.FloatPixelData, ds.BitsAllocated = values.tobytes(), 32
    del ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    scan = read_dicom(saved(tmp_path, ds))
    assert scan.array[0, 0] == 1
    assert "1 values" in scan.warnings[0]
