from __future__ import annotations

import pytest
from pydantic import ValidationError

from medsiam.preprocessing import Recipe


def recipe(**fields) -> Recipe:
    return Recipe.model_validate({"spatial_dims": 3, "spatial_size": [8, 8, 8]} | fields)


def test_lists_from_toml_become_tuples():
    made = recipe(spacing=[1, 1.5, 2], orientation="LPS", crop=[4, 4, 4])
    assert (made.spacing, made.crop) == ((1.0, 1.5, 2.0), (4, 4, 4))


@pytest.mark.parametrize("letters", ["RAS", "LPS", "PIR", "SLA"])
def test_orientations_that_exist(letters):
    assert recipe(orientation=letters).orientation == letters


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"spatial_size": [8, 8]}, "spatial_size needs 3 values, got 2"),
        ({"spatial_size": [8, 8, 0]}, "spatial_size must be positive"),
        ({"spacing": [1.0, -1.0, 1.0]}, "spacing must be positive"),
        ({"spacing": [1.0, float("nan"), 1.0]}, "finite number"),
        ({"crop": [4]}, "crop needs 3 values"),
        ({"orientation": "RAR"}, "three letters"),
        ({"orientation": "RA"}, "three letters"),
        ({"orientation": "RAX"}, "three letters"),
        ({"intensity": "window"}, "needs intensity_range"),
        ({"intensity": "zscore", "intensity_range": [0, 1]}, "takes no intensity_range"),
        ({"intensity": "mask", "intensity_range": [0, 1]}, "takes no intensity_range"),
        ({"intensity": "mask", "in_channels": 3}, "is for one channel"),
        ({"intensity": "mask", "crop": [4, 4, 4]}, "takes no crop"),
        ({"intensity_range": [99, 1]}, "lower, higher"),
        ({"intensity_range": [1, 101]}, "0 to 100 percent"),
        ({"in_channels": 2}, "in_channels"),
        ({"spatial_dims": 2, "spatial_size": [8, 8], "orientation": "RAS"}, "is for 3D"),
        ({"sise": 8}, "sise"),
    ],
)
def test_faults_are_named(fields, message):
    with pytest.raises(ValidationError, match=message):
        recipe(**fields)


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        recipe().crop = (4, 4, 4)
