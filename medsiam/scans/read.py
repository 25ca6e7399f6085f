"""The door: a path -> `Scan`, decided by content and never by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.errors import ScanError
from medsiam.scans.archive import on_disk
from medsiam.scans.dicom.header import Header, read_header
from medsiam.scans.dicom.series import why_split
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.folder import FolderIndex, index_folder
from medsiam.scans.guard import guarded
from medsiam.scans.scan import Scan
from medsiam.scans.sniff import opened, sniff
from medsiam.scans.source import ScanSource


def read_scan(path: Path | str, *, part: int | None = None, allow_resample: bool = False) -> Scan:
    """Read one image or volume.

    Args:
        path: a DICOM, NIfTI, PNG, JPEG or TIFF file, or a folder or ZIP archive that holds one
            DICOM series (or one such file) and perhaps junk beside it.
        part: which one, from 0, where a file or series holds several volumes, frames or pages.
        allow_resample: fill gaps between slices by interpolation; the scan says so in its
            warnings.

    Returns:
        the scan; what was odd but not fatal stands in its `warnings`.

    Raises:
        ScanError: for every fault, with a code of `medsiam.scans.FAULTS`.
    """
    path = Path(path)
    with guarded(path):
        is_folder = path.is_dir()
    if not is_folder:
        with guarded(path), opened(path) as file:
            kind = sniff(file, path)
        if kind != "archive":
            source = ScanSource(kind, path, (path,), part)
            return source.read(allow_resample=allow_resample)
    index = index_folder(path)
    if [skipped.path for skipped in index.skipped] == [path]:  # an archive that cannot be opened
        raise ScanError(index.skipped[0].code, f"{path}: {index.skipped[0].reason}")
    source, said = _only_source(index, part)
    scan = source.read(allow_resample=allow_resample)
    return replace(scan, warnings=(*said, *_said_of_skipped(index), *scan.warnings))


def _only_source(
    index: FolderIndex, part: int | None
) -> tuple[ScanSource, tuple[ScanWarning, ...]]:
    """Return the one scan of a folder, localizers left aside, and a sentence about these."""
    sources = [s for s in index.sources if not s.is_localizer] or list(index.sources)
    if not sources:
        raise _nothing(index)
    localizers = len(index.sources) - len(sources)
    what = f"{localizers} localizer images were left out"
    said = (warning("left_out", what),) if localizers else ()
    if len(sources) == 1:
        return (sources[0] if part is None else replace(sources[0], part=part)), said
    if part is None or not _are_parts(sources):
        raise _several(index.folder, sources)
    if not 0 <= part < len(sources):
        what = f"no part {part} among {len(sources)} (from 0)"
        raise fault("no_such_part", index.folder, what)
    return sources[part], said


def _nothing(index: FolderIndex) -> ScanError:
    n = len(index.skipped)
    what = f"no scan among {n} files ({_codes(index)})" if n else "it holds no file"
    return fault("no_scan", index.folder, what)


def _are_parts(sources: Sequence[ScanSource]) -> bool:
    """Return True for the volumes of one series or of one file."""
    uids = {source.series_uid for source in sources}
    return len({source.files for source in sources}) == 1 or (len(uids) == 1 and None not in uids)


def _several(folder: Path, sources: Sequence[ScanSource]) -> ScanError:
    if _are_parts(sources):
        first = sources[0]
        if first.part is not None and len({source.files for source in sources}) == 1:
            try:
                replace(first, part=None).read()  # says best what it holds
            except ScanError as error:
                return error
        with guarded(folder):
            code, what = why_split([_first_header(source) for source in sources])
        return fault(code, folder, what)
    names = {"dicom": "DICOM", "nifti": "NIfTI", "image": "image"}
    kinds = Counter(names[source.kind] for source in sources)
    listed = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    return fault("several_series", folder, f"it holds {len(sources)} scans ({listed})")


def _first_header(source: ScanSource) -> Header:
    first = source.files[0]
    with on_disk(source.archives, first, (first,)) as place:
        return read_header(place.files[0])


def _said_of_skipped(index: FolderIndex) -> tuple[ScanWarning, ...]:
    n = len(index.skipped)
    what = f"{n} other files in the folder were left out ({_codes(index)})"
    return (warning("left_out", what),) if n else ()


def _codes(index: FolderIndex) -> str:
    counts = Counter(skipped.code for skipped in index.skipped)
    return ", ".join(f"{n} {code}" for code, n in sorted(counts.items()))
