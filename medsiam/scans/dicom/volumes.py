"""Pictures of one series -> the volumes that they make: time points, echoes, image types.

Several pictures at one position never become one volume. What tells them apart is looked for in
the order of how sure it is: image type, echo and temporal position hold pictures apart by
themselves; diffusion, trigger time and acquisition do so only where every volume is then complete;
at last the order of instance numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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
_SURE: tuple[_Key, ...] = (lambda m: m.image_type, lambda m: m.echo, lambda m: m.time)
_LIKELY: tuple[_Key, ...] = (lambda m: m.diffusion, lambda m: m.trigger, lambda m: m.acquisition)


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
    return sorted(found, key=lambda volume: _rank(pictures[volume[0]].marks, min(volume)))


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
        own = ["/".join(w for w in marks.image_type if w not in common) for marks in volumes]
        said = [f"{v}, image type {w}" if w else v for v, w in zip(numbered, own, strict=True)]
        return "several_image_types", said
    if len({marks.echo for marks in volumes}) > 1:
        said = [f"{v}, echo {m.echo}" for v, m in zip(numbered, volumes, strict=True)]
        return "several_echoes", said
    times = {(marks.time, marks.trigger, marks.acquisition, marks.instance) for marks in volumes}
    word = "time point" if len(times) > 1 else "volume"
    return "several_time_points", [f"{word} {i} of {n}" for i in range(1, n + 1)]


def _in_order(indices: Sequence[int], pictures: Sequence[Placed]) -> tuple[int, ...]:
    order = slice_order([pictures[i].plane for i in indices])
    return tuple(indices[k] for k in order)


def _rank(marks: Marks, index: int) -> tuple[float, ...]:
    known = (marks.time, marks.acquisition, marks.instance)
    return (*(-1.0 if value is None else value for value in known), index)


def _split(indices: Sequence[int], pictures: Sequence[Placed]) -> Iterator[Sequence[int]]:
    if len(indices) < 2:
        yield indices
        return
    planes = [pictures[i].plane for i in indices]
    at = positions(planes)
    several = max(at) + 1 < len(at)
    if not several and unevenness([planes[k] for k in slice_order(planes)]) is None:
        yield indices
        return
    for key in _SURE:
        groups = _grouped(indices, pictures, key)
        if len(groups) > 1 and (several or _all_even(groups, pictures)):
            for group in groups:
                yield from _split(group, pictures)
            return
    if not several:
        yield indices
        return
    place = dict(zip(indices, at, strict=True))
    for key in _LIKELY:
        groups = _grouped(indices, pictures, key)
        if len(groups) > 1 and all(_complete(group, place) for group in groups):
            for group in groups:
                yield from _split(group, pictures)
            return
    yield from _by_instance(indices, pictures, place)


def _grouped(indices: Sequence[int], pictures: Sequence[Placed], key: _Key) -> list[list[int]]:
    groups: dict[object, list[int]] = defaultdict(list)
    for i in indices:
        groups[key(pictures[i].marks)].append(i)
    return list(groups.values())


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


def _by_instance(
    indices: Sequence[int], pictures: Sequence[Placed], place: dict[int, int]
) -> Iterator[Sequence[int]]:
    """Take the first picture at each position, then the second; all where the numbers differ."""
    if not _complete(indices, place):
        yield indices
        return
    at: dict[int, list[int]] = defaultdict(list)
    for i in sorted(indices, key=lambda i: _rank(pictures[i].marks, i)):
        at[place[i]].append(i)
    yield from (list(volume) for volume in zip(*at.values(), strict=True))
