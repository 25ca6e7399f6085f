"""Measures against plain loops and bodies whose sizes are known."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch

from medsiam.encoders.anatomy_measures import N_LEVELS, list_measures, measure
from medsiam.encoders.card import AnatomyPlan

PLAN = AnatomyPlan(
    structures=("right", "wall", "left"), centre="left", front="right", spacing=(2.0, 2.0, 5.0)
)
SIZE = (60, 60, 16)


@cache
def heart(
    *, turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0), apex_first: bool = False
) -> torch.Tensor:
    """A tube of 20 mm inner and 30 mm outer radius, 60 mm long, a ball of 8 mm beside its base.

    Returns (1, 4, *SIZE) shares of voxels, by counting points inside of each voxel.
    """
    fine = 3
    x, y = (
        ((np.arange(n * fine) + 0.5) / fine - n / 2) * step - off
        for n, step, off in zip(SIZE[:2], PLAN.spacing[:2], shift, strict=True)
    )
    z = ((np.arange(SIZE[2] * fine) + 0.5) / fine - SIZE[2] / 2) * PLAN.spacing[2]
    x, y, z = np.meshgrid(x, y, z, indexing="ij")
    r = np.hypot(x, y)
    tube = np.abs(z) < 30
    away_x, away_y = 38 * math.cos(turn), 38 * math.sin(turn)
    base = -18 if not apex_first else 18
    ball = (x - away_x) ** 2 + (y - away_y) ** 2 + (z - base) ** 2 < 8**2
    bodies = [ball, tube & (r >= 20) & (r < 30), tube & (r < 20)]
    shares = [
        body.reshape(SIZE[0], fine, SIZE[1], fine, SIZE[2], fine).mean(axis=(1, 3, 5))
        for body in bodies
    ]
    volume = np.stack([1 - sum(shares), *shares])
    return torch.from_numpy(volume[None]).float()


def named(values: torch.Tensor, family: str) -> dict[str, float]:
    return {
        item.name: float(value)
        for item, value in zip(list_measures(PLAN), values, strict=True)
        if item.family == family
    }


def test_volumes_of_a_tube_and_a_ball():
    values = measure(heart(), PLAN)[0]
    volumes = named(values, "volume")
    assert volumes["left"] == pytest.approx(math.pi * 20**2 * 60 / 1000, rel=0.01)
    assert volumes["wall"] == pytest.approx(math.pi * (30**2 - 20**2) * 60 / 1000, rel=0.01)
    assert volumes["right"] == pytest.approx(4 / 3 * math.pi * 8**3 / 1000, rel=0.05)
    logs, ratios = named(values, "log volume"), named(values, "volume ratio")
    assert logs["wall"] == pytest.approx(math.log(volumes["wall"] + 0.1), rel=1e-5)
    assert ratios["wall/left"] == pytest.approx(logs["wall"] - logs["left"], abs=1e-5)
    assert sum(ratios[f"{name} share"] for name in PLAN.structures) == pytest.approx(1, abs=1e-3)


def test_thickness_and_radius_of_a_tube_are_the_same_at_every_level_and_sector():
    values = measure(heart(), PLAN)[0]
    thickness, radius = named(values, "thickness"), named(values, "radius")
    sectors, uneven = named(values, "sector"), named(values, "unevenness")
    assert not any(name.startswith("left") for name in uneven)  # the centre itself
    for level in range(1, N_LEVELS + 1):
        assert thickness[f"wall level {level}"] == pytest.approx(10, rel=0.02)
        assert thickness[f"left level {level}"] == pytest.approx(20, rel=0.02)
        assert radius[f"left level {level}"] == pytest.approx(20, rel=0.02)
        assert uneven[f"wall level {level}"] < 0.3
    for sector in range(1, 9):
        assert sectors[f"wall sector {sector}"] == pytest.approx(10, rel=0.03)


def test_extents_and_distances_in_mm():
    values = measure(heart(), PLAN)[0]
    extents, distances = named(values, "extent"), named(values, "distance")
    assert extents["left height"] == pytest.approx(60, rel=0.02)
    assert extents["left length"] == pytest.approx(40, rel=0.01)
    assert extents["left width"] == pytest.approx(40, rel=0.01)
    assert distances["right/left in plane"] == pytest.approx(38, rel=0.01)
    assert abs(distances["right/left along axis"]) == pytest.approx(18, abs=0.5)


def test_base_is_where_the_front_structure_is_and_the_first_sector_points_to_it():
    values = measure(heart(), PLAN)[0]
    thickness, sectors = named(values, "thickness"), named(values, "sector")
    assert thickness["right level 1"] > 0.2
    assert thickness[f"right level {N_LEVELS}"] < 0.01
    first = sectors["right sector 1"]
    assert all(sectors[f"right sector {k}"] < first / 2 for k in range(2, 9))


@pytest.mark.parametrize(
    "moved",
    [
        {"turn": math.pi / 2},
        {"turn": 0.7},
        {"shift": (6.0, -11.0)},
        {"apex_first": True},
    ],
)
def test_a_turn_a_shift_or_a_stack_upside_down_changes_nothing(moved):
    usual, other = measure(heart(), PLAN)[0], measure(heart(**moved), PLAN)[0]
    torch.testing.assert_close(other, usual, rtol=0.05, atol=0.3)


def test_voxels_found_by_mistake_far_away_hardly_count():
    clean = heart()
    spoiled = clean.clone()
    spoiled[0, :, 1:5, 1:5, 3:9] = torch.tensor([0.4, 0.0, 0.0, 0.6])[:, None, None, None]
    assert float(spoiled[0, 3].sum() / clean[0, 3].sum()) > 1.01
    usual, other = measure(clean, PLAN)[0], measure(spoiled, PLAN)[0]
    torch.testing.assert_close(other, usual, rtol=0.02, atol=0.1)


def test_thickness_is_the_plain_mean_along_rays():
    """A wall of 6 mm on one half and 14 mm on the other, by tracing rays point by point."""
    x, y = np.meshgrid(*((np.arange(n * 4) + 0.5) / 4 * 2 - n for n in SIZE[:2]), indexing="ij")
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    outer = np.where(np.abs(angle) < math.pi / 2, 26.0, 34.0)
    inside = [
        (np.hypot(x - 40, y) < 8),
        (r >= 20) & (r < outer),
        (r < 20),
    ]
    shares = [b.reshape(SIZE[0], 4, SIZE[1], 4).mean(axis=(1, 3)) for b in inside]
    plane = np.stack([1 - sum(shares), *shares])
    volume = torch.from_numpy(np.repeat(plane[..., None], SIZE[2], axis=-1))[None].float()
    sectors = named(measure(volume, PLAN)[0], "sector")

    def along_rays(sector: int) -> float:
        lengths, weights = [], []
        for ray in np.linspace(-math.pi / 4, math.pi / 4, 181):
            heading = ray + sector * math.pi / 4
            wrapped = math.remainder(heading, 2 * math.pi)
            lengths.append(6.0 if abs(wrapped) < math.pi / 2 else 14.0)
            weights.append(1 - abs(ray) / (math.pi / 4))
        return float(np.average(lengths, weights=weights))

    for sector in range(8):
        expected = pytest.approx(along_rays(sector), rel=0.04)
        assert sectors[f"wall sector {sector + 1}"] == expected


def test_more_of_a_structure_is_a_larger_volume_by_gradient():
    probabilities = heart().clone().requires_grad_()
    measure(probabilities, PLAN)[0, 2].backward()
    assert probabilities.grad is not None
    assert torch.isfinite(probabilities.grad).all()
    middle = probabilities.grad[0, 3, 26:34, 26:34]  # far from everything, voxels count less
    torch.testing.assert_close(middle, torch.full_like(middle, 0.02), rtol=0.01, atol=0)
    assert float(probabilities.grad[0, 1].abs().max()) == 0


@pytest.mark.parametrize("background", [1.0, 0.0])
@pytest.mark.parametrize("edge", [9, 16])
def test_nothing_found_and_nothing_but_one_structure_stay_finite(background, edge):
    probabilities = torch.zeros(2, 4, edge, edge, 6)
    probabilities[:, 0] = background
    probabilities[:, 1] = 1 - background
    probabilities.requires_grad_()
    values = measure(probabilities, PLAN)
    assert torch.isfinite(values).all()
    values.sum().backward()
    assert torch.isfinite(probabilities.grad).all()


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        AnatomyPlan(structures=("one",), centre="one", spacing=(1.0, 1.0, 1.0)),
        AnatomyPlan(structures=("a", "b"), centre="b", front="a", spacing=(1.0, 1.0, 1.0)),
    ],
)
def test_any_number_of_structures_and_a_volume_does_not_depend_on_its_neighbours(plan):
    torch.manual_seed(0)
    volumes = torch.rand(3, 1 + len(plan.structures), 12, 10, 7).softmax(dim=1)
    values = measure(volumes, plan)
    assert values.shape == (3, len(list_measures(plan)))
    torch.testing.assert_close(measure(volumes[1:2], plan)[0], values[1], rtol=0, atol=0)
