from __future__ import annotations

import random
from dataclasses import replace

import pytest

from medsiam.scans.dicom.geometry import make_plane
from medsiam.scans.dicom.marks import Marks
from medsiam.scans.dicom.volumes import Placed, separate, told_apart, why_several


def at(z, **marks) -> Placed:
    plane = make_plane((0, 0, z), (1, 0, 0, 0, 1, 0), (1.0, 1.0))
    assert plane is not None
    return Placed(plane, Marks(**marks))


def heights(pictures, volumes):
    return [[pictures[i].plane.position[2] for i in volume] for volume in volumes]


def test_one_even_stack_is_one_volume_though_its_marks_vary_from_slice_to_slice():
    pictures = [
        at(z, echo=10 + z / 10, acquisition=z, instance=9 - z, clock=100 + z, time=z)
        for z in (3, 0, 2, 1)
    ]
    assert separate(pictures) == [(1, 3, 2, 0)]


@pytest.mark.parametrize(
    ("mark", "values"),
    [
        ("image_type", [("A",), ("B",)]),
        ("echo", [10.0, 90.0]),
        ("recon", [("B30",), ("B70",)]),
        ("stack", [("1",), ("2",)]),
    ],
)
def test_two_volumes_that_lie_between_each_other_are_held_apart(mark, values):
    pictures = [at(z, **{mark: values[z % 2]}) for z in range(8)]
    volumes = separate(pictures)
    assert heights(pictures, volumes) == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.parametrize(
    "odd",
    [
        lambda z, t: {"time": 5.0 * t + z, "instance": 5 * t + z},  # a running number
        lambda z, t: {"time": float(z), "instance": 5 * t + z},  # the number of the slice
        lambda z, t: {"echo": 30 + 0.011 * z, "instance": 5 * t + z},  # a trembling echo
    ],
)
def test_marks_that_mean_nothing_shred_nothing(odd):
    pictures = [at(z, **odd(z, t)) for t in (0, 1) for z in range(5)]
    random.Random(1).shuffle(pictures)
    volumes = separate(pictures)
    assert heights(pictures, volumes) == [[0, 1, 2, 3, 4]] * 2
    for t, volume in enumerate(volumes):
        assert {int(pictures[i].marks.instance // 5) for i in volume} == {t}


@pytest.mark.parametrize(
    ("mark", "values"),
    [
        ("image_type", [("M",), ("P",)]),
        ("echo", [4.6, 9.2]),
        ("time", [1, 2]),
        ("diffusion", [(0.0,), (1000.0, 0.0, 0.0, 1.0)]),
        ("trigger", [0.0, 55.0]),
        ("acquisition", [1, 2]),
    ],
)
def test_each_mark_holds_volumes_apart(mark, values):
    pictures = [at(z, **{mark: value}) for value in values for z in range(4)]
    random.Random(3).shuffle(pictures)
    volumes = separate(pictures)
    assert heights(pictures, volumes) == [[0, 1, 2, 3]] * 2
    for volume in volumes:
        assert len({getattr(pictures[i].marks, mark) for i in volume}) == 1


def test_two_marks_at_once():
    pictures = [
        at(z, echo=echo, time=time) for echo in (1, 2) for time in (1, 2, 3) for z in range(3)
    ]
    volumes = separate(pictures)
    assert len(volumes) == 6
    for volume in volumes:
        assert len({(pictures[i].marks.echo, pictures[i].marks.time) for i in volume}) == 1


def test_without_any_mark_the_instance_numbers_decide():
    pictures = [at(z, instance=10 * time + z) for time in (2, 0, 1) for z in (1, 0, 2)]
    volumes = separate(pictures)
    assert heights(pictures, volumes) == [[0, 1, 2]] * 3
    times = [[int(pictures[i].marks.instance // 10) for i in volume] for volume in volumes]
    assert times == [[0, 0, 0], [1, 1, 1], [2, 2, 2]]


def test_where_instance_numbers_start_again_the_clock_decides():
    pictures = [
        at(z, instance=z + 1, clock=1000 * time + 10 * z + 1) for z in range(5) for time in (1, 0)
    ]
    volumes = separate(pictures)
    assert heights(pictures, volumes) == [[0, 1, 2, 3, 4]] * 2
    assert {tuple(pictures[i].marks.clock // 1000 for i in volume) for volume in volumes} == {
        (0,) * 5,
        (1,) * 5,
    }


@pytest.mark.parametrize(
    "instances",
    [
        [1, 2, 3, 1, 2, 3],  # they start again, and no clock
        [None] * 6,
        [1, 5, 3, 2, 4, 6],  # neither volume after volume nor slice after slice
    ],
)
def test_numbers_that_tell_nothing_are_no_ground_to_guess(instances):
    pictures = [at(k % 3, instance=instance) for k, instance in enumerate(instances)]
    assert len(separate(pictures)) == 1


def test_an_unequal_number_of_pictures_is_never_guessed_apart():
    pictures = [at(0, instance=1), at(1, instance=2), at(1, instance=3)]
    assert separate(pictures) == [(0, 1, 2)]


def test_trigger_times_that_differ_from_slice_to_slice_make_no_volumes_of_their_own():
    pictures = [
        at(z, trigger=50.0 * phase + z, instance=10 * z + phase)
        for z in range(3)
        for phase in (0, 1)
    ]
    volumes = separate(pictures)
    assert heights(pictures, volumes) == [[0, 1, 2]] * 2
    for phase, volume in enumerate(volumes):
        assert {pictures[i].marks.instance % 10 for i in volume} == {phase}


def test_a_derived_picture_between_the_slices_is_held_apart():
    pictures = [*(at(z) for z in range(5)), at(2.3, image_type=("DERIVED",))]
    assert separate(pictures) == [(0, 1, 2, 3, 4), (5,)]


def test_a_gap_stays_a_gap():
    assert separate([at(z, acquisition=z, time=z) for z in (0, 1, 2, 5)]) == [(0, 1, 2, 3)]


def test_what_tells_volumes_apart_is_put_into_words():
    kinds = [Marks(("ORIGINAL", "M")), Marks(("ORIGINAL", "P"))]
    assert told_apart(kinds) == (
        "several_image_types",
        ["volume 1 of 2, image type M", "volume 2 of 2, image type P"],
    )
    assert told_apart([Marks(echo=4.6), Marks(echo=9.2)]) == (
        "several_echoes",
        ["volume 1 of 2, echo 4.6", "volume 2 of 2, echo 9.2"],
    )
    times = ["time point 1 of 2", "time point 2 of 2"]
    assert told_apart([Marks(time=1), Marks(time=2)]) == ("several_time_points", times)
    assert told_apart([Marks(), Marks()])[1] == ["volume 1 of 2", "volume 2 of 2"]
    stacks = [Marks(stack=("1",)), Marks(stack=("2",))]
    assert told_apart(stacks)[1] == ["stack 1 of 2", "stack 2 of 2"]
    named = [Marks(image_type=("M",)), Marks(image_type=("Planted^Name",))]
    assert told_apart(named)[1] == ["volume 1 of 2, image type M", "volume 2 of 2"]


def test_why_there_are_several():
    first, second = at(0, echo=1), at(0, echo=2)
    assert why_several([first, second])[0] == "several_echoes"
    turned = replace(second.plane, x_direction=(0, 1, 0), y_direction=(0, 0, -1))
    assert why_several([first, Placed(turned, second.marks)])[0] == "mixed_orientation"
    coarse = replace(second.plane, spacing=(2.0, 2.0))
    assert why_several([first, Placed(coarse, second.marks)])[0] == "mixed_spacing"
