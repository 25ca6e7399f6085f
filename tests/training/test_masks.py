"""Masks on the network's grid: where the scan's own voxels go, and every fault named."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch

from medsiam.cases import read_case_table
from medsiam.errors import CaseTableError
from medsiam.training.dataset import prepare_rows
from medsiam.training.masks import prepare_masks
from tests.training.bodies import SHAPE, STRUCTURES, anatomy_config, write_bodies


@pytest.fixture
def table(tmp_path):
    return write_bodies(tmp_path)


def masks_of(table, recipe, structures=STRUCTURES):
    return prepare_masks(read_case_table(table).rows, recipe, structures=structures)


def test_at_the_scans_own_spacing_a_mask_is_only_padded(table):
    recipe = anatomy_config(table).recipe
    masks = masks_of(table, recipe)
    assert (masks.shape, masks.dtype) == ((4, 28, 28, 8), torch.uint8)
    for row, mask in zip(read_case_table(table).rows, masks, strict=True):
        stored = np.asarray(nib.load(row.mask_path).dataobj)
        np.testing.assert_array_equal(mask[2:26, 2:26, 1:7].numpy(), stored)
        assert int((mask > 0).sum()) == int((stored > 0).sum())


def test_a_resampled_mask_covers_what_its_scan_shows(table):
    recipe = anatomy_config(table).recipe.model_copy(
        update={"spacing": (1.5, 1.5, 6.0), "spatial_size": (40, 40, 8)}
    )
    masks = masks_of(table, recipe)
    scans = prepare_rows(read_case_table(table).rows, recipe, advance=lambda: None)
    for row, mask, tensor in zip(scans.rows, masks, scans.tensors, strict=True):
        stored = np.asarray(nib.load(row.mask_path).dataobj)
        voxel = (2 * 2) / (1.5 * 1.5)
        assert int((mask >= 2).sum()) == pytest.approx((stored >= 2).sum() * voxel, rel=0.1)
        assert float(tensor[0][mask == 3].mean()) > 0.8  # the core is the brightest
        assert float(tensor[0][mask == 0].mean()) < 0.2


def test_the_scans_geometry_holds_for_its_mask(table):
    """Masks are often saved without a true affine; what counts is that the voxels agree."""
    row = read_case_table(table).rows[0]
    expected = masks_of(table, anatomy_config(table).recipe)[0]
    stored = np.asarray(nib.load(row.mask_path).dataobj)
    nib.save(nib.Nifti1Image(stored, np.diag([1.0, 1.0, 1.0, 1.0])), row.mask_path)
    assert torch.equal(masks_of(table, anatomy_config(table).recipe)[0], expected)


def test_a_mirrored_mask_is_refused(table):
    row = read_case_table(table).rows[0]
    stored = np.asarray(nib.load(row.mask_path).dataobj)
    nib.save(nib.Nifti1Image(stored, np.diag([-2.0, -2.0, 6.0, 1.0])), row.mask_path)
    with pytest.raises(CaseTableError, match="runs another way than its scan"):
        masks_of(table, anatomy_config(table).recipe)


def test_every_faulty_mask_is_named_with_its_line_and_no_patient(table):
    rows = read_case_table(table).rows
    affine = np.diag([2.0, 2.0, 6.0, 1.0])
    odd = np.zeros(SHAPE, np.uint8)
    odd[0, 0, 0], odd[1, 1, 1] = 7, 4
    nib.save(nib.Nifti1Image(odd, affine), rows[0].mask_path)
    nib.save(nib.Nifti1Image(np.zeros((24, 24, 5), np.uint8), affine), rows[1].mask_path)
    nib.save(nib.Nifti1Image(np.full(SHAPE, 0.5, np.float32), affine), rows[2].mask_path)
    rows[3].mask_path.unlink()
    with pytest.raises(CaseTableError) as caught:
        masks_of(table, anatomy_config(table).recipe)
    message = str(caught.value)
    assert "4 of 4 masks cannot be used" in message
    assert "line 2: the mask thick-0-mask.nii.gz holds label 4, 7" in message
    assert "3 structures: side, shell, core" in message
    assert "line 3: the mask thick-1-mask.nii.gz has (24, 24, 5) voxels" in message
    assert "line 4: the mask thin-0-mask.nii.gz holds values that are no whole numbers" in message
    assert "line 5: the mask thin-1-mask.nii.gz does not exist" in message
    assert "secret" not in message


def test_a_row_without_mask_is_told_so(table):
    lines = table.read_text().splitlines()
    lines[1] = lines[1].rsplit(",", 1)[0] + ","
    table.write_text("\n".join(lines))
    with pytest.raises(CaseTableError, match=r"line 2: thick-0.nii.gz has no mask_path"):
        masks_of(table, anatomy_config(table).recipe)
