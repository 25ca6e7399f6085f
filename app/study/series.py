"""What can be opened: the series of a folder or of an upload, and why others cannot."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from medsiam import ReferenceBank, Scan
from medsiam.errors import MedsiamError, ScanError
from medsiam.reports import encode_png, render_slice
from medsiam.scans import FolderIndex, ScanSource, ScanWarning, read_middle
from medsiam.scoring import Suggestion, suggest, why_not
from study.fault_words import detail_of

_THUMBNAIL = 192


@dataclass(frozen=True)
class Series:
    """One scan that the bank can be asked about.

    Attributes:
        key: its first file and which part of it, which tells it from all others of the study.
        label: for the reader; kinds and numbers, no name.
        source: reads it; for an upload only while the upload is unpacked.
    """

    key: str = field(repr=False)
    label: str
    source: ScanSource = field(repr=False)


@dataclass(frozen=True)
class Study:
    """What was found.

    Attributes:
        series: to choose from.
        refused: code and reason of each of the rest.
        suggestion: which series fits best, and why; None where nothing tells.
    """

    series: tuple[Series, ...]
    refused: tuple[tuple[str, str], ...]
    suggestion: Suggestion | None = None


@dataclass(frozen=True)
class Preview:
    """The middle of a series.

    Attributes:
        png: the picture; None where it cannot be read.
        study_uid, patient_id: tell studies and patients apart; never shown.
    """

    png: bytes | None = field(repr=False)
    study_uid: str | None = field(default=None, repr=False)
    patient_id: str | None = field(default=None, repr=False)


def study_below(index: FolderIndex, bank: ReferenceBank) -> Study:
    """Sort what lies below a folder; nothing that a link leads out of the folder is offered."""
    root = index.folder.resolve()
    found, refused = [], []
    for source in index.sources:
        if not all(file.resolve().is_relative_to(root) for file in source.files):
            refused.append(("no_access", "it lies outside of this folder"))
            continue
        reason = why_not(source, bank)
        # A bank whose cases join several scans gets them one by one.
        if reason is not None and reason[0] != "needs_several_scans":
            refused.append(reason)
            continue
        found.append(source)
    series = [
        Series(_key(source, index.folder), f"{number} · {facts_of(source)}", source)
        for number, source in enumerate(found, start=1)
    ]
    refused += [(skipped.code, skipped.reason) for skipped in index.skipped]
    return Study(tuple(series), tuple(refused), suggest(found, bank) if found else None)


def preview(source: ScanSource) -> Preview:
    """Return the middle of a series; what cannot be read has no picture."""
    try:
        scan = read_middle(source)
        png = encode_png(render_slice(scan, 0), longest=_THUMBNAIL)
    except MedsiamError:
        return Preview(None)
    return Preview(png, scan.study_uid, scan.patient_id)


def read_series(source: ScanSource, folder: Path) -> Scan:
    """Read a series; neither the scan nor an error keeps the path.

    Args:
        source: of a study below `folder`.
        folder: the part of each path that is left out.

    Raises:
        ScanError: its message is what was seen, without any path, and may be empty.
    """
    try:
        scan = source.read()
    except ScanError as error:
        raise ScanError(error.code, detail_of(error, (source.path, *source.files)) or "") from None
    numbered = tuple(Path(f"file {n}") for n in range(1, len(scan.sources) + 1))
    return replace(scan, sources=numbered, warnings=_without(folder, scan))


def facts_of(source: ScanSource) -> str:
    """Return what the headers say of a series, in a few words; no name."""
    kind = {"dicom": "DICOM", "nifti": "NIfTI", "image": "picture"}[source.kind]
    facts = [source.modality, source.body_part, kind]
    facts.append(source.spatial_dims and f"{source.spatial_dims}D")
    if len(source.files) > 1:
        facts.append(f"{len(source.files)} files")
    if source.is_localizer:
        facts.append("localizer")
    facts += [said for said in source.warnings if said.code == "one_of_several"]
    return " ".join(str(fact) for fact in facts if fact)


def _without(folder: Path, scan: Scan) -> tuple[str, ...]:
    """Return the warnings without the folder and without the names of the files in it."""
    cleaned = []
    for said in scan.warnings:
        text = str(said)
        for place in (*scan.sources, folder):
            text = text.replace(str(place), "it").replace(place.name, "it")
        code = getattr(said, "code", None)
        cleaned.append(text if code is None else ScanWarning(code, text))
    return tuple(cleaned)


def _key(source: ScanSource, folder: Path) -> str:
    below = source.files[0].absolute().relative_to(folder.absolute())
    first = below.as_posix() if below.parts else folder.name
    return first if source.part is None else f"{first} #{source.part}"
