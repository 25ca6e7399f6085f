"""Compare every series below a folder with a bank; a bad one costs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.comparison import compare
from medsiam.comparison.result import Rule
from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.scans import FolderIndex, Scan, ScanSource, index_folder
from medsiam.scoring.outcome import Failure, Outcome, Skip


def score_folder(
    folder: Path | str,
    bank: ReferenceBank,
    *,
    k: int = 5,
    metric: str | None = None,
    rule: Rule | None = None,
    allow_resample: bool = False,
) -> Iterator[Outcome]:
    """Yield one outcome for each DICOM series, NIfTI file and image below `folder`.

    A file that is a scan but cannot even be listed is a `Failure` as well; junk is left out.

    Args:
        folder: at any depth.
        bank: to compare with.
        k: matches to list.
        metric: as in `compare`.
        rule: as in `compare`.
        allow_resample: fill gaps between slices by interpolation instead of failing; the query's
            warnings of such a comparison say so.

    Raises:
        ScanError: `missing_file` where there is no such folder; no other fault of a file is raised.
    """
    index = index_folder(folder)
    yield from unreadable(index)
    compared = score_sources(
        index.sources, bank, k=k, metric=metric, rule=rule, allow_resample=allow_resample
    )
    for outcome, _ in compared:
        yield outcome


def unreadable(index: FolderIndex) -> list[Failure]:
    """Return the files that were left out of the index though they are scans."""
    return [
        Failure(skipped.path, (skipped.path,), skipped.code, f"{skipped.path}: {skipped.reason}")
        for skipped in index.skipped
        if not skipped.is_foreign
    ]


def score_sources(
    sources: Iterable[ScanSource],
    bank: ReferenceBank,
    *,
    k: int = 5,
    metric: str | None = None,
    rule: Rule | None = None,
    allow_resample: bool = False,
) -> Iterator[tuple[Outcome, Scan | None]]:
    """Yield the outcome of each source, with its scan where it could be read.

    The settings are those of `score_folder`.
    """
    for source in sources:
        reason = why_not(source, bank)
        if reason is not None:
            yield Skip(source.path, source.files, *reason), None
            continue
        scan = None
        try:
            scan = source.read(allow_resample=allow_resample)
            yield compare(scan, bank, k=k, metric=metric, rule=rule), scan
        except ScanError as error:
            yield Failure(source.path, source.files, error.code, str(error)), scan
        except EncoderMismatchError as error:
            yield Skip(source.path, source.files, "other_kind", str(error)), scan


def why_not(source: ScanSource, bank: ReferenceBank) -> tuple[str, str] | None:
    """Return (code, reason) where the headers alone say that the bank cannot be asked."""
    dims = bank.encoder_card.recipe.spatial_dims
    if source.spatial_dims is not None and source.spatial_dims != dims:
        return (
            "other_dimension",
            f"a {source.spatial_dims}D scan; this bank compares {dims}D scans",
        )
    if len(bank.phases) > 1:
        return (
            "needs_several_scans",
            f"each case of this bank joins {len(bank.phases)} scans ({', '.join(bank.phases)}); "
            "use `medsiam compare` with all of them",
        )
    return None
