"""What can be opened: the series of a folder or of an upload, and why others cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medsiam import ReferenceBank, Scan
from medsiam.errors import ScanError
from medsiam.scans import FolderIndex, ScanSource, index_folder, read_scan
from medsiam.scoring import why_not
from study.archive import Upload, unpacked


@dataclass(frozen=True)
class Series:
    """One scan that the bank can be asked about.

    Attributes:
        key: its first file and which part of it, which tells it from all others of the study.
        label: for the reader.
        source: reads it; for an upload only while the upload is unpacked.
    """

    key: str
    label: str
    source: ScanSource


@dataclass(frozen=True)
class Study:
    """What was found: series to choose from, and (name, reason) of all the rest."""

    series: tuple[Series, ...]
    refused: tuple[tuple[str, str], ...]


def study_below(index: FolderIndex, bank: ReferenceBank) -> Study:
    """Sort what lies below a folder; nothing that a link leads out of the folder is offered."""
    root = index.folder.resolve()
    series, refused = [], []
    for source in index.sources:
        name = _name(source.path, index.folder)
        if not all(file.resolve().is_relative_to(root) for file in source.files):
            refused.append((name, "lies outside of this folder"))
            continue
        reason = why_not(source, bank)
        # A bank whose cases join several scans gets them from one chooser each.
        if reason is not None and reason[0] != "needs_several_scans":
            refused.append((name, reason[1]))
            continue
        label = f"{name}  ·  {_facts(source)}"
        series.append(Series(_key(source, index.folder), label, source))
    refused += [(_name(file.path, index.folder), file.reason) for file in index.skipped]
    return Study(tuple(series), tuple(refused))


def study_in(uploads: Sequence[Upload], bank: ReferenceBank) -> Study:
    """Sort what was uploaded; labels name kinds and numbers, never files.

    Raises:
        ScanError: the upload holds no scan, or a ZIP that cannot be unpacked.
    """
    with unpacked(uploads) as laid_out:
        study = study_below(index_folder(laid_out.folder), bank)
        study = replace(study, refused=study.refused + laid_out.refused)
        if not study.series and len(uploads) == 1 and len(files := _files(laid_out.folder)) == 1:
            _read(files[0], laid_out.folder)  # its own error says most
    if not study.series:
        reasons = dict.fromkeys(reason for _, reason in study.refused)
        raise ScanError(
            "nothing_to_compare",
            "nothing in this upload can be compared with this bank: " + "; ".join(reasons),
        )
    renamed = tuple(
        replace(one, label=f"series {number}  ·  {_facts(one.source)}")
        for number, one in enumerate(study.series, start=1)
    )
    return Study(renamed, study.refused)


def read_upload(uploads: Sequence[Upload], key: str, bank: ReferenceBank) -> Scan:
    """Read the series with this key from an upload.

    Raises:
        ScanError: it cannot be read.
    """
    with unpacked(uploads) as laid_out:
        for one in study_below(index_folder(laid_out.folder), bank).series:
            if one.key == key:
                return _read(one.source, laid_out.folder)
    raise ScanError("missing_file", "the upload has changed; choose the series again")


def _read(what: ScanSource | Path, folder: Path) -> Scan:
    """Read, and speak of the upload instead of the folder that is gone in a moment."""
    try:
        scan = read_scan(what) if isinstance(what, Path) else what.read()
    except ScanError as error:
        raise ScanError(error.code, _without(folder, str(error))) from None
    return replace(
        scan,
        sources=tuple(Path("upload", file.relative_to(folder)) for file in scan.sources),
        warnings=tuple(_without(folder, text) for text in scan.warnings),
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _without(folder: Path, text: str) -> str:
    return text.replace(f"{folder}/", "upload/").replace(str(folder), "upload")


def _key(source: ScanSource, folder: Path) -> str:
    first = _name(source.files[0], folder)
    return first if source.part is None else f"{first} #{source.part}"


def _name(path: Path, folder: Path) -> str:
    below = path.absolute().relative_to(folder.absolute())
    return below.as_posix() if below.parts else folder.name


def _facts(source: ScanSource) -> str:
    kind = {"dicom": "DICOM", "nifti": "NIfTI", "image": "image"}[source.kind]
    facts = [source.modality, kind, source.spatial_dims and f"{source.spatial_dims}D"]
    if len(source.files) > 1:
        facts.append(f"{len(source.files)} files")
    if source.is_localizer:
        facts.append("localizer")
    facts += [said for said in source.warnings if said.code == "one_of_several"]
    return " ".join(str(fact) for fact in facts if fact)
