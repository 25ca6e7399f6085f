"""`medsiam info`: what is in here, and can it be read."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.terminal import (
    Remark,
    notice,
    print_json,
    print_remarks,
    print_text,
    progress,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medsiam.scans import FolderIndex, ScanSource, SkippedFile

Entry = dict[str, Any]
_WIDTH = 100
_VOLUMES = "one_of_several"


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
        _show(entries, index, args.path)
    return _exit_code(entries, index, args.path)


def _exit_code(entries: list[Entry], index: FolderIndex, path: Path) -> int:
    """Junk beside scans is no failure, unless the one file that was asked for is junk."""
    readable = sum(entry["readable"] for entry in entries)
    foreign = sum(skipped.is_foreign for skipped in index.skipped)
    failed = len(entries) - readable - foreign
    if not readable and not failed:
        if path.is_file() and index.folder != path:  # an archive is a folder
            return 5
        notice(f"{path}: no DICOM series, NIfTI file or image in {len(entries)} files")
        return 3
    if not failed:
        return 0
    return 4 if readable else 5


def _of_source(source: ScanSource) -> Entry:
    from medsiam.errors import ScanError

    entry = _entry(
        path=str(source.path),
        kind=source.kind,
        modality=source.modality,
        body_part=source.body_part,
        transfer_syntax=source.transfer_syntax,
        frames=source.frames,
        n_files=len(source.files),
        part=source.part,
        warnings=_coded(source.warnings),
        series_uid=source.series_uid,
    )
    try:
        scan = source.read()
    except ScanError as error:
        return entry | {"faults": [{"code": error.code, "message": str(error)}]}
    spacing = scan.spacing
    return entry | {
        "modality": scan.modality or source.modality,
        "body_part": scan.body_part or source.body_part,
        "shape": list(scan.spatial_shape),
        "channels": scan.n_channels,
        "spacing_mm": None if spacing is None else [round(mm, 6) for mm in spacing],
        "orientation": scan.orientation,
        "readable": True,
        "warnings": _coded(scan.warnings),
        "accepts_2d": scan.spatial_dims == 2,
        "accepts_3d": scan.spatial_dims == 3,
    }


def _of_skipped(skipped: SkippedFile) -> Entry:
    fault = {"code": skipped.code, "message": f"{skipped.path}: {skipped.reason}"}
    return _entry(path=str(skipped.path), kind="other", n_files=1, faults=[fault])


def _entry(**known: Any) -> Entry:
    """Return an entry with every key; unknown is None."""
    unread: Entry = {
        "path": None,
        "kind": None,
        "modality": None,
        "body_part": None,
        "shape": None,
        "spacing_mm": None,
        "orientation": None,
        "transfer_syntax": None,
        "frames": None,
        "n_files": 0,
        "part": None,
        "readable": False,
        "faults": [],
        "warnings": [],
        "channels": None,
        "series_uid": None,
        "accepts_2d": False,
        "accepts_3d": False,
    }
    return unread | known


def _coded(warnings: Iterable[str]) -> list[dict[str, str | None]]:
    return [{"code": getattr(said, "code", None), "message": str(said)} for said in warnings]


def _show(entries: list[Entry], index: FolderIndex, asked: Path) -> None:
    rows = _volumes_folded([entry for entry in entries if entry["kind"] != "other"])
    if rows:
        print_text(str(asked))
    if len(rows) == 1:
        table("", ("", ""), _details(rows[0], index.folder), width=_WIDTH)
    elif rows:
        columns = ("path", "type", "size", "spacing mm", "axes", "files", "read as")
        shown = [_row(volumes, index.folder) for volumes in rows]
        table("", columns, shown, width=_WIDTH)
        _show_counts("body part", [volumes[0] for volumes in rows])
        _show_counts("transfer syntax", [volumes[0] for volumes in rows])
    remarks = []
    for entry in entries:
        name = _name(entry, index.folder)
        remarks += [
            Remark(found["code"], name, found["message"].removeprefix(f"{entry['path']}: "))
            for found in (*entry["faults"], *entry["warnings"])
            if found["code"] != _VOLUMES
        ]
    print_remarks(remarks)
    readable = sum(entry["readable"] for entry in entries)
    foreign = sum(skipped.is_foreign for skipped in index.skipped)
    refused = len(entries) - readable - foreign
    print_text(f"{readable} readable, {refused} refused; {foreign} other files")


def _show_counts(name: str, entries: list[Entry]) -> None:
    counts = Counter(entry[name.replace(" ", "_")] for entry in entries)
    known = [f"{n} x {value}" for value, n in counts.most_common() if value is not None]
    if known:
        print_text(f"{name}: {', '.join(known)}")


def _volumes_folded(entries: list[Entry]) -> list[list[Entry]]:
    """Put the volumes of one series that look alike (time points, echoes) into one row."""
    rows: dict[tuple[object, ...], list[Entry]] = {}
    for number, entry in enumerate(entries):
        is_volume = any(said["code"] == _VOLUMES for said in entry["warnings"])
        faults = [found["code"] for found in entry["faults"]]
        alike = ("path", "series_uid", "shape", "spacing_mm", "orientation")
        key = (*(str(entry[name]) for name in alike), str(faults)) if is_volume else (number,)
        rows.setdefault(key, []).append(entry)
    return list(rows.values())


def _row(volumes: list[Entry], folder: Path) -> tuple[object, ...]:
    entry = volumes[0]
    return (
        _name(entry, folder) + (f" ({len(volumes)} volumes)" if len(volumes) > 1 else ""),
        entry["modality"] or entry["kind"],
        _size(entry),
        _spacing(entry),
        entry["orientation"],
        _n_files(volumes),
        f"{2 if entry['accepts_2d'] else 3}D" if entry["readable"] else "refused",
    )


def _details(volumes: list[Entry], folder: Path) -> list[tuple[object, ...]]:
    entry = volumes[0]
    accepted = {True: "accepted", False: "not accepted"}
    return [
        ("path", _name(entry, folder)),
        ("kind", entry["kind"]),
        ("modality", entry["modality"]),
        ("body part", entry["body_part"]),
        ("size", _size(entry)),
        ("spacing mm", _spacing(entry)),
        ("axes run to", entry["orientation"]),
        ("transfer syntax", entry["transfer_syntax"]),
        ("frames", str(entry["frames"])),
        ("volumes", str(len(volumes))),
        ("files", str(_n_files(volumes))),
        ("2D scoring", accepted[entry["accepts_2d"]]),
        ("3D scoring", accepted[entry["accepts_3d"]]),
    ]


def _size(entry: Entry) -> str | None:
    if entry["shape"] is None:
        return None
    return "x".join(map(str, entry["shape"])) + (" RGB" if entry["channels"] == 3 else "")


def _spacing(entry: Entry) -> str | None:
    spacing = entry["spacing_mm"]
    return None if spacing is None else "x".join(f"{mm:.3g}" for mm in spacing)


def _n_files(volumes: list[Entry]) -> int:
    """Return how many files hold the volumes: one file where they are its parts."""
    in_one_file = volumes[0]["part"] is not None
    return 1 if in_one_file else sum(volume["n_files"] for volume in volumes)


def _name(entry: Entry, folder: Path) -> str:
    """Return the path as seen from the folder."""
    path = Path(entry["path"])
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
