"""Pictures of one series -> the volumes that they make: time points, echoes, image types.

Several pictures at one position never become one volume. What tells them apart is looked for in
the order of how sure it is: image type, stack, echo and temporal position hold pictures apart
wherever that leaves volumes and no shreds; diffusion, trigger time, time and acquisition do so only
where every volume is then complete; at last the order of instance numbers or times, where it runs
the same way at every position. What none of these tells apart is refused and never guessed.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from medsiam.scans.dicom.elements import code_string
from medsiam.scans.dicom.geometry import (
    Plane,
    positions,
    same_direction,
    same_spacing,
    slice_order,
    unevenness,
)
from medsiam.scans.dicom.marks import Marks

_Key = Callable[[Marks], object]


def _echo(marks: Marks) -> object:
    return marks.echo


_SURE: tuple[_Key, ...] = (
    lambda m: m.image_type,
    lambda m: m.stack,
    _echo,
    lambda m: m.time,
    lambda m: m.recon,
)
_LIKELY: tuple[_Key, ...] = (
    lambda m: m.diffusion,
    lambda m: m.trigger,
    lambda m: m.clock,
    lambda m: m.acquisition,
)
_SAME_ECHO = 0.2  # ms


@dataclass(frozen=True)
class Placed:
    """A picture with its place in space and in the series."""

    plane: Plane
    marks: Marks


def separate(pictures: Sequence[Placed]) -> list[tuple[int, ...]]:
    """Return the indices of the pictures of each volume, in the order of the slices.

    Args:
        pictures: parallel, of the same size.
    """
    found = [_in_order(volume, pictures) for volume in _split(range(len(pictures)), pictures)]
    # The pictures' own order, so that time runs forward.
    return sorted(found, key=lambda volume: (pictures[volume[0]].marks.order, min(volume)))


def why_several(volumes: Sequence[Placed]) -> tuple[str, str]:
    """Return (code, what) for pictures that make several volumes.

    Args:
        volumes: one picture of each.
    """
    n, first = len(volumes), volumes[0].plane
    if not all(same_direction(first, one.plane) for one in volumes):
        return "mixed_orientation", f"slices in {n} directions"
    if not all(same_spacing(first, one.plane) for one in volumes):
        return "mixed_spacing", f"{n} pixel spacings"
    code, phrases = told_apart([one.marks for one in volumes])
    return code, f"{n} volumes ({phrases[0]}, ...)"


def told_apart(volumes: Sequence[Marks]) -> tuple[str, list[str]]:
    """Return the code of what tells volumes apart, and a phrase for each volume.

    Args:
        volumes: marks of one picture of each volume.
    """
    n = len(volumes)
    numbered = [f"volume {i} of {n}" for i in range(1, n + 1)]
    if len({marks.image_type for marks in volumes}) > 1:
        common = set.intersection(*(set(marks.image_type) for marks in volumes))
        own = [_told(word for word in m.image_type if word not in common) for m in volumes]
        said = [f"{v}, image type {w}" if w else v for v, w in zip(numbered, own, strict=True)]
        return "several_image_types", said
    if len({marks.echo for marks in volumes}) > 1:
        said = [f"{v}, echo {m.echo}" for v, m in zip(numbered, volumes, strict=True)]
        return "several_echoes", said
    if len({marks.stack for marks in volumes}) > 1:
        return "several_time_points", [f"stack {i} of {n}" for i in range(1, n + 1)]
    times = {(m.time, m.trigger, m.acquisition, m.clock, m.instance) for m in volumes}
    word = "time point" if len(times) > 1 else "volume"
    return "several_time_points", [f"{word} {i} of {n}" for i in range(1, n + 1)]


def _told(words: Iterable[str]) -> str:
    """Join the words that can be no name."""
    return "/".join(filter(code_string, words))


def _in_order(indices: Sequence[int], pictures: Sequence[Placed]) -> tuple[int, ...]:
    order = slice_order([pictures[i].plane for i in indices])
    return tuple(indices[k] for k in order)


def _split(indices: Sequence[int], pictures: Sequence[Placed]) -> Iterator[Sequence[int]]:
    if len(indices) < 2:
        yield indices
        return
    planes = [pictures[i].plane for i in indices]
    place = dict(zip(indices, positions(planes), strict=True))
    several = max(place.values()) + 1 < len(place)
    for key in _SURE:
        groups = _grouped(indices, pictures, key)
        if len(groups) > 1 and (
            _no_shreds(groups, place) if several else _all_even(groups, pictures)
        ):
            for group in groups:
                yield from _split(group, pictures)
            return
    if not several:
        yield indices
        return
    for key in _LIKELY:
        groups = _grouped(indices, pictures, key)
        if len(groups) > 1 and all(_complete(group, place) for group in groups):
            for group in groups:
                yield from _split(group, pictures)
            return
    yield from _by_number(indices, pictures, place)


def _grouped(indices: Sequence[int], pictures: Sequence[Placed], key: _Key) -> list[list[int]]:
    groups: dict[object, list[int]] = defaultdict(list)
    for i in indices:
        groups[key(pictures[i].marks)].append(i)
    if key is not _echo or not all(isinstance(echo, float) for echo in groups):
        return list(groups.values())
    # Echo times vary a little from slice to slice on some scanners.
    joined: list[list[int]] = []
    last = -math.inf
    for echo in sorted(cast("dict[float, list[int]]", groups)):
        if echo - last > _SAME_ECHO:
            joined.append([])
        joined[-1].extend(groups[echo])
        last = echo
    return joined


def _no_shreds(groups: Sequence[Sequence[int]], place: dict[int, int]) -> bool:
    """Return True where most groups reach over several positions, if there are several at all."""
    if max(place.values()) == 0:
        return True
    wide = sum(len({place[i] for i in group}) > 1 for group in groups)
    return 2 * wide > len(groups)


def _all_even(groups: Sequence[Sequence[int]], pictures: Sequence[Placed]) -> bool:
    """Return True where groups are volumes of their own, not the slices of a gappy one."""
    if max(map(len, groups)) == 1:
        return False
    for group in groups:
        planes = [pictures[i].plane for i in group]
        if len(planes) > 1 and unevenness([planes[k] for k in slice_order(planes)]) is not None:
            return False
    return True


def _complete(group: Sequence[int], place: dict[int, int]) -> bool:
    """Return True where a group has equally many pictures at each of all positions."""
    counts = Counter(place[i] for i in group)
    return len(counts) == len(set(place.values())) and len(set(counts.values())) == 1


def _by_number(
    indices: Sequence[int], pictures: Sequence[Placed], place: dict[int, int]
) -> Iterator[Sequence[int]]:
    """Take the first picture at each position, then the second; all where that would be a guess."""
    if _complete(indices, place):
        instances = {i: pictures[i].marks.instance for i in indices}
        clocks = {i: pictures[i].marks.clock for i in indices}
        for numbers in (instances, clocks):
            if volumes := _runs(indices, numbers, place):
                yield from volumes
                return
    yield indices


def _runs(
    indices: Sequence[int], numbers: dict[int, float | None], place: dict[int, int]
) -> list[list[int]]:
    """Return volumes where numbers run through them one after the other, or slice by slice.

    Empty where a number is missing or comes twice, or where the numbers run in another way.
    """
    known = [value for value in numbers.values() if value is not None]
    if len(known) < len(indices) or len(set(known)) < len(known):
        return []
    at: dict[int, list[int]] = defaultdict(list)
    for i in sorted(indices, key=lambda i: cast("float", numbers[i])):
        at[place[i]].append(i)
    volumes = [list(volume) for volume in zip(*at.values(), strict=True)]
    for groups in (volumes, list(at.values())):
        spans = sorted(
            (min(own), max(own)) for group in groups if (own := [numbers[i] or 0.0 for i in group])
        )
        if all(one[1] < other[0] for one, other in pairwise(spans)):
            return volumes
    return []
