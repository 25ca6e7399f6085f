"""The door: a path -> `Scan`, decided by content and never by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.errors import ScanError
from medsiam.scans.dicom.header import read_header
from medsiam.scans.dicom.series import why_split
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.folder import FolderIndex, index_folder
from medsiam.scans.guard import guarded
from medsiam.scans.scan import Scan
from medsiam.scans.sniff import sniff
from medsiam.scans.source import ScanSource


def read_scan(path: Path | str) -> Scan:
    """Read one image or volume.

    Args:
        path: a DICOM, NIfTI, PNG, JPEG or TIFF file, or a folder that holds one DICOM series (or
            one such file) and perhaps junk beside it.

    Returns:
        the scan; what was odd but not fatal stands in its `warnings`.

    Raises:
        ScanError: for every fault, with a code of `medsiam.scans.FAULTS`.
    """
    path = Path(path)
    if path.is_dir():
        index = index_folder(path)
        source, said = _only_source(index)
        scan = source.read()
        return replace(scan, warnings=(*said, *_said_of_skipped(index), *scan.warnings))
    with guarded(path):
        kind = sniff(path)
    return ScanSource(kind, path, (path,)).read()


def _only_source(index: FolderIndex) -> tuple[ScanSource, tuple[ScanWarning, ...]]:
    """Return the one scan of a folder, localizers left aside, and a sentence about these."""
    sources = [s for s in index.sources if not s.is_localizer] or list(index.sources)
    if not sources:
        n = len(index.skipped)
        what = f"no scan among {n} files ({_codes(index)})" if n else "an empty folder"
        raise fault("no_scan", index.folder, what)
    if len(sources) > 1:
        raise _several(index.folder, sources)
    localizers = len(index.sources) - 1
    what = f"{localizers} localizer images were left out"
    return sources[0], (warning("left_out", what),) if localizers else ()


def _several(folder: Path, sources: Sequence[ScanSource]) -> ScanError:
    uids = {source.series_uid for source in sources}
    if len(uids) == 1 and None not in uids:
        with guarded(folder):
            code, what = why_split([read_header(source.files[0]) for source in sources])
        return fault(code, folder, what)
    names = {"dicom": "DICOM", "nifti": "NIfTI", "image": "image"}
    kinds = Counter(names[source.kind] for source in sources)
    listed = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    return fault("several_series", folder, f"it holds {len(sources)} scans ({listed})")


def _said_of_skipped(index: FolderIndex) -> tuple[ScanWarning, ...]:
    n = len(index.skipped)
    what = f"{n} other files in the folder were left out ({_codes(index)})"
    return (warning("left_out", what),) if n else ()


def _codes(index: FolderIndex) -> str:
    counts = Counter(skipped.code for skipped in index.skipped)
    return ", ".join(f"{n} {code}" for code, n in sorted(counts.items()))
