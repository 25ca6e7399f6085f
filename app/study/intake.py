"""From what a reader gives to the series in it, or to one scan: with what was found on the way."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medsiam import ReferenceBank, Scan
from medsiam.errors import ScanError
from medsiam.scans import index_folder
from shell.upload_ceiling import MAX_FILES, max_bytes
from study.archive import Upload, unpacked
from study.checks import Check, Step
from study.fault_words import FAULT_WORDS
from study.series import Preview, Series, Study, preview, read_series, study_below

MOST_PREVIEWS = 12
OnStep = Callable[[Step], None]


@dataclass(frozen=True)
class Found:
    """What is in there.

    Attributes:
        study: the series, and why other files are none.
        checks: what unpacking and grouping found.
        previews: of the first series, where there are several to choose from.
        scan: where there is only one series.
    """

    study: Study
    checks: tuple[Check, ...]
    previews: tuple[Preview, ...] = ()
    scan: Scan | None = None


def look_into_uploads(uploads: Sequence[Upload], bank: ReferenceBank, on_step: OnStep) -> Found:
    """Unpack and sort what was uploaded, and read it where there is only one series.

    Raises:
        ScanError: there is nothing that can be compared, or it cannot be read.
    """
    _check_ceilings(uploads)
    on_step("unpack")
    with unpacked(uploads) as laid_out:
        return look_below(laid_out.folder, bank, on_step, laid_out.refused)


def look_below(
    folder: Path,
    bank: ReferenceBank,
    on_step: OnStep,
    refused: tuple[tuple[str, str], ...] = (),
) -> Found:
    """Sort what lies below a folder, and read it where there is only one series.

    Args:
        folder: to look into.
        bank: what it will be compared with.
        on_step: told what comes next.
        refused: code and reason of what was left out before.

    Raises:
        ScanError: there is nothing that can be compared, or it cannot be read.
    """
    index = index_folder(folder)
    on_step("group")
    study = study_below(index, bank)
    study = Study(study.series, study.refused + refused, study.suggestion)
    if not study.series:
        raise _nothing(study.refused)
    files = sum(len(source.files) for source in index.sources) + len(index.skipped) + len(refused)
    checks = [_unpack_check(files, study.refused), _group_check(study.series)]
    if len(study.series) == 1:
        on_step("pixels")
        return Found(study, tuple(checks), scan=read_series(study.series[0].source, folder))
    previews = tuple(preview(one.source) for one in study.series[:MOST_PREVIEWS])
    checks += _several_studies(previews)
    return Found(study, tuple(checks), previews)


def look_at_series(one: Series, folder: Path, on_step: OnStep) -> Found:
    """Read a series that was picked below a folder.

    Raises:
        ScanError: it cannot be read.
    """
    on_step("pixels")
    n = len(one.source.files)
    said = Check("group", "fine", f"One series of {_files(n)}, picked below the studies folder.")
    return Found(Study((one,), ()), (said,), scan=read_series(one.source, folder))


def read_of_uploads(uploads: Sequence[Upload], key: str, bank: ReferenceBank) -> Scan:
    """Read the series with this key.

    Raises:
        ScanError: it cannot be read.
    """
    with unpacked(uploads) as laid_out:
        for one in study_below(index_folder(laid_out.folder), bank).series:
            if one.key == key:
                return read_series(one.source, laid_out.folder)
    raise ScanError("missing_file", "")


def _check_ceilings(uploads: Sequence[Upload]) -> None:
    if len(uploads) > MAX_FILES:
        raise ScanError("too_many_files", f"{len(uploads)} files; at most {MAX_FILES}")
    size = sum(content.seek(0, os.SEEK_END) for _, content in uploads)
    if size > max_bytes():
        what = f"{size >> 20} MB; at most {max_bytes() >> 20} MB together"
        raise ScanError("too_many_bytes", what)


def _nothing(refused: Sequence[tuple[str, str]]) -> ScanError:
    """Return the one reason where all have the same, else that there are several."""
    codes = Counter(code for code, _ in refused)
    if len(codes) == 1:
        code, reason = refused[0]
        return ScanError(code, reason if code == "other_dimension" else "")
    said = "; ".join(f"{_files(n)}: {_saw(code)}" for code, n in codes.most_common())
    return ScanError("nothing_to_compare", said)


def _unpack_check(files: int, refused: Sequence[tuple[str, str]]) -> Check:
    if not refused:
        return Check("unpack", "fine", f"{_files(files)}, all of them read.")
    codes = Counter(code for code, _ in refused)
    left = "; ".join(f"{_files(n)}: {_saw(code)}" for code, n in codes.most_common())
    return Check("unpack", "note", f"{_files(files)}; left out: {left}")


def _group_check(series: Sequence[Series]) -> Check:
    n = len(series)
    said = "One series that can be compared." if n == 1 else f"{n} series that can be compared."
    return Check("group", "fine", said)


def _several_studies(previews: Sequence[Preview]) -> list[Check]:
    patients = {one.patient_id for one in previews if one.patient_id}
    studies = {one.study_uid for one in previews if one.study_uid}
    to_do = "Look twice at which series you choose, or open one study at a time."
    if len(patients) > 1:
        said = f"There are studies of {len(patients)} different patients in here."
        return [Check("group", "warning", said, to_do)]
    if len(studies) > 1:
        said = f"There are {len(studies)} studies of one patient in here."
        return [Check("group", "warning", said, to_do)]
    return []


def _saw(code: str) -> str:
    words = FAULT_WORDS.get(code)
    return words.saw if words else "It cannot be read."


def _files(n: int) -> str:
    return "1 file" if n == 1 else f"{n} files"
