"""One picture under two subjects, among the parts of a run: kept on one side, refused, or told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from medsiam.errors import SplitError
from medsiam.training.dataset import PreparedScans
from medsiam.training.near_duplicates import (
    DuplicatePair,
    find_near_duplicates,
    listed_pairs,
    refuse_near_duplicates,
)
from medsiam.training.split import Split, check_subjects

Parts = Mapping[str, PreparedScans]


def join_copies(parts: Parts) -> tuple[dict[str, PreparedScans], tuple[str, ...]]:
    """Let subjects validate whose pictures are copies of what validates already.

    For a validation part that was drawn by chance among subjects of whom nobody knew that they
    are the same. A split that somebody made is theirs to mend: `refuse_copies`. The draw stays as
    it is but for the copies, so that a seed gives the same split where there are none.

    Args:
        parts: name -> scans, with "training" and "validation".

    Returns:
        the parts, both in table order, and a notice that names the pairs; nothing where there is
        no such pair.

    Raises:
        SplitError: with the copies on one side, a condition has too few subjects.
    """
    own = {name: parts[name] for name in ("training", "validation")}
    pairs = _pairs(own)
    if not any(pair.across_parts for pair in pairs):
        return dict(parts), ()
    validating = _with_copies(set(own["validation"].subjects), pairs)
    rows = sorted(
        ((scans, place) for scans in own.values() for place in range(len(scans.rows))),
        key=lambda at: at[0].rows[at[1]].row,
    )
    places: dict[str, list[tuple[PreparedScans, int]]] = {"training": [], "validation": []}
    for scans, place in rows:
        inside = scans.rows[place].subject in validating
        places["validation" if inside else "training"].append((scans, place))
    parted = listed_pairs([pair for pair in pairs if pair.across_parts])
    said = f"the drawn split parted copies of one picture: {parted}"
    try:
        check_subjects(Split(*(tuple(scans.rows[i] for scans, i in places[name]) for name in own)))
    except SplitError as error:
        raise SplitError(f"{said}; with all of them in validation, {error}") from error
    own = {name: _collected(chosen) for name, chosen in places.items()}
    notice = (
        f"{said}; all scans of these subjects validate now. If they are of one patient, give both "
        "lines the same patient_id (or group); else leave one line out"
    )
    return {**parts, **own}, (notice,)


def refuse_copies(parts: Parts) -> tuple[str, ...]:
    """Refuse parts that hold one picture under two subjects.

    Args:
        parts: name -> scans. What training looks at is compared with "validation".

    Returns:
        what a person should know of pictures that stand twice in one part.

    Raises:
        SplitError: a picture in validation and in another part; lines and paths are named.
    """
    return refuse_near_duplicates(_pairs(parts))


def _pairs(parts: Parts) -> tuple[DuplicatePair, ...]:
    names = [
        "validation" if name == "validation" else "training"
        for name, scans in parts.items()
        for _ in scans.rows
    ]
    return find_near_duplicates(
        [row for scans in parts.values() for row in scans.rows],
        [tensor for scans in parts.values() for tensor in scans.tensors],
        content_hashes=[text for scans in parts.values() for text in scans.content_hashes],
        parts=names,
    )


def _with_copies(subjects: set[str], pairs: Iterable[DuplicatePair]) -> set[str]:
    """The subjects, their copies, the copies of these, and so on."""
    links = [{pair.first.subject, pair.second.subject} for pair in pairs]
    found, before = set(subjects), 0
    while len(found) > before:
        before = len(found)
        found |= {subject for link in links if link & found for subject in link}
    return found


def _collected(places: Iterable[tuple[PreparedScans, int]]) -> PreparedScans:
    """Scans of several parts as one part."""
    chosen = list(places)
    return PreparedScans(
        tuple(scans.rows[i] for scans, i in chosen),
        torch.stack([scans.tensors[i] for scans, i in chosen]),
        tuple(scans.content_hashes[i] for scans, i in chosen),
        tuple(scans.remarks[i] if scans.remarks else "" for scans, i in chosen),
    )
