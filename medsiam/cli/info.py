"""`medsiam info`: what is in here, and can it be read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.terminal import notice, print_json, print_text, progress, table

if TYPE_CHECKING:
    from medsiam.scans import FolderIndex, ScanSource, SkippedFile

Entry = dict[str, Any]
_MOST_REMARKS = 40


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "info",
        help="what is in here: series, geometry, readable or why not",
        description="List every DICOM series, NIfTI file and image at PATH with its geometry, and "
        "say for each whether it can be read, or why not. Pixels are decoded to know it.",
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="file or folder")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.scans import index_folder

    index = index_folder(args.path)
    entries = []
    with progress("reading", len(index.sources)) as advance:
        for source in index.sources:
            entries.append(_of_source(source))
            advance()
    entries += [_of_skipped(skipped) for skipped in index.skipped]
    if args.json:
        print_json(entries)
    else:
        _show(entries, index.folder)
    return _exit_code(entries, index, args.path)


def _exit_code(entries: list[Entry], index: FolderIndex, path: Path) -> int:
    """Junk beside scans is no failure, unless the one file that was asked for is junk."""
    readable = sum(entry["readable"] for entry in entries)
    foreign = sum(skipped.is_foreign for skipped in index.skipped)
    failed = len(entries) - readable - foreign
    if not readable and not failed:
        if path.is_file():
            return 5
        notice(f"{path}: no DICOM series, NIfTI file or image in {len(entries)} files")
        return 3
    if not failed:
        return 0
    return 4 if readable else 5


def _of_source(source: ScanSource) -> Entry:
    from medsiam.errors import ScanError

    entry: Entry = {
        "path": str(source.path),
        "kind": source.kind,
        "modality": source.modality,
        "shape": None,
        "spacing_mm": None,
        "orientation": None,
        "n_files": len(source.files),
        "readable": False,
        "faults": [],
        "warnings": list(source.warnings),
        "channels": None,
        "series_uid": source.series_uid,
    }
    try:
        scan = source.read()
    except ScanError as error:
        entry["faults"] = [{"code": error.code, "message": str(error)}]
        return entry
    spacing = scan.spacing
    return entry | {
        "shape": list(scan.spatial_shape),
        "channels": scan.n_channels,
        "spacing_mm": None if spacing is None else [round(mm, 6) for mm in spacing],
        "orientation": scan.orientation,
        "readable": True,
        "warnings": list(scan.warnings),
    }


def _of_skipped(skipped: SkippedFile) -> Entry:
    return {
        "path": str(skipped.path),
        "kind": "other",
        "modality": None,
        "shape": None,
        "spacing_mm": None,
        "orientation": None,
        "n_files": 1,
        "readable": False,
        "faults": [{"code": skipped.code, "message": f"{skipped.path}: {skipped.reason}"}],
        "warnings": [],
        "channels": None,
        "series_uid": None,
    }


def _show(entries: list[Entry], folder: Path) -> None:
    columns = ("path", "kind", "modality", "size", "spacing mm", "axes", "files", "readable")
    scans = [entry for entry in entries if entry["kind"] != "other"]
    if scans:
        table(str(folder), columns, [_row(entry, folder) for entry in scans])
    remarks = [
        message
        for entry in entries
        for message in (
            *(f"{found['code']}: {found['message']}" for found in entry["faults"]),
            *(f"note: {entry['path']}: {sentence}" for sentence in entry["warnings"]),
        )
    ]
    for remark in remarks[:_MOST_REMARKS]:
        print_text(remark)
    if len(remarks) > _MOST_REMARKS:
        print_text(f"and {len(remarks) - _MOST_REMARKS} more; --json gives all of them")


def _row(entry: Entry, folder: Path) -> tuple[object, ...]:
    shape, spacing = entry["shape"], entry["spacing_mm"]
    path = Path(entry["path"])
    return (
        str(path.relative_to(folder)) if path != folder else ".",
        entry["kind"],
        entry["modality"],
        shape and " x ".join(map(str, shape)) + (" colour" if entry["channels"] == 3 else ""),
        spacing and " x ".join(f"{mm:.4g}" for mm in spacing),
        entry["orientation"],
        entry["n_files"],
        "yes" if entry["readable"] else entry["faults"][0]["code"],
    )
