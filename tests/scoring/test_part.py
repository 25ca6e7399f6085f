from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from medsiam import Failure
from medsiam.errors import OutputError
from medsiam.reports.table import flat_rows
from medsiam.scans import ScanSource, index_folder
from medsiam.scoring import Named, named_series, read_part, score_sources
from medsiam.scoring.part import kept_names, part_of, remove_part, write_part

LIMITS = (30.0, 1 << 30)


@pytest.fixture(scope="module")
def scored(phantom_bank, incoming):
    """(named, comparison) of a series that can be compared."""
    index = index_folder(incoming)
    for named in named_series(index, phantom_bank):
        if isinstance(named.found, ScanSource) and named.found.spatial_dims == 3:
            ((outcome, _),) = score_sources([named.found], phantom_bank)
            if not isinstance(outcome, Failure):
                return named, outcome
    raise AssertionError


def test_it_comes_back_as_it_was_kept(scored, incoming, tmp_path):
    part = part_of(*scored, incoming, key="k", limits=LIMITS)
    write_part(part, tmp_path)
    assert read_part(tmp_path, part.series) == part
    assert list(kept_names(tmp_path)) == [part.series]
    remove_part(tmp_path, part.series)
    assert read_part(tmp_path, part.series) is None


def test_rows_are_those_of_the_answer_but_for_the_name(scored, incoming):
    named, comparison = scored
    part = part_of(named, comparison, incoming, key=None, limits=LIMITS)
    for row, expected in zip(part.rows, flat_rows(comparison), strict=True):
        assert row["query"] == named.name
        same = set(expected) - {"query", "notes"}
        assert {name: row[name] for name in same} == {name: expected[name] for name in same}
    assert part.verdict == comparison.verdict.outcome
    assert part.comparison["matches"][0]["case_id"] == comparison.matches[0].case_id


def test_no_file_is_named_in_it(scored, incoming):
    named, comparison = scored
    text = json.dumps(part_of(named, comparison, incoming, key=None, limits=LIMITS).comparison)
    assert str(incoming) not in text
    folder = Path(comparison.query.sources[0]).parent.parent.name
    assert folder not in text


def test_paths_go_out_of_sentences_and_the_words_stay(tmp_path):
    folder = tmp_path / "DOE^JOHN"
    file = folder / "JOHN 1970.dcm"
    source = ScanSource("dicom", file, (file,))
    said = f"{file}: ends early; the folder DOE^JOHN and JOHN 1970.dcm are odd; export it again"
    failure = Failure(file, (file,), "truncated_pixels", said)
    part = part_of(Named("0" * 16, 3, source), failure, tmp_path, key=None, limits=LIMITS)
    assert "JOHN" not in json.dumps([part.message, part.rows])
    assert part.message.startswith(f"series {'0' * 16}: ends early; the folder")
    assert part.message.endswith("export it again")
    assert (part.place, part.outcome, part.code) == (3, "failed", "truncated_pixels")


def test_a_folder_named_shortly_spoils_no_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for root in (Path("in"), Path()):
        file = root / "a" / "x.dcm"
        failure = Failure(file, (file,), "c", f"{file}: missing in the beginning. See a line")
        named = Named("0" * 16, 0, ScanSource("dicom", file, (file,)))
        part = part_of(named, failure, root, key=None, limits=LIMITS)
        assert part.message == f"series {'0' * 16}: missing in the beginning. See a line"


def test_a_slice_that_was_left_out_is_remembered(scored, incoming):
    named, comparison = scored
    fewer = replace(
        comparison, query=replace(comparison.query, sources=comparison.query.sources[1:])
    )
    part = part_of(named, fewer, incoming, key=None, limits=LIMITS)
    dropped = [str(file) for file in named.found.files].index(comparison.query.sources[0])
    assert part.used == tuple(n for n in range(len(named.found.files)) if n != dropped)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"series": "a"}', "\x00"])
def test_a_damaged_part_is_none(tmp_path, content):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.jsonl").write_text(content)
    assert read_part(tmp_path, "a") is None


def test_where_it_cannot_be_written(scored, incoming, tmp_path):
    (tmp_path / "parts").write_text("a file")
    with pytest.raises(OutputError):
        write_part(part_of(*scored, incoming, key=None, limits=LIMITS), tmp_path)
