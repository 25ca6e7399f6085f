from __future__ import annotations

from medsiam import Comparison
from medsiam.scans import index_folder
from medsiam.scoring import Named, Question, read_part, run_scoring, score_sources
from medsiam.scoring.extra import Pages
from tests.scoring.conftest import TWO


class Sidecar:
    """Another kind of extra: a file that says what was nearest."""

    def __init__(self, folder, out):
        self.folder, self.out, self.kept_before = folder, out, []

    def is_there(self, series):
        return (self.folder / series.name).is_file()

    def write(self, series, comparison, scan):
        assert comparison.query.content_hashes == (scan.content_hash,)
        self.kept_before.append(read_part(self.out, series.name) is not None)
        (self.folder / series.name).write_text(comparison.matches[0].case_id)


def test_an_extra_is_written_before_its_outcome_is_kept_and_asked_for_again(
    phantom_bank, incoming, tmp_path
):
    out, folder = tmp_path / "out", tmp_path / "extra"
    folder.mkdir()
    index = index_folder(incoming)
    sidecar = Sidecar(folder, out)

    def run():
        return run_scoring(
            index, phantom_bank, out, Question(k=2), limits=TWO, extras=[sidecar]
        ).n_new

    assert run() == 5
    assert sidecar.kept_before == [False, False]
    written = {path.name: path.read_text() for path in folder.iterdir()}
    nearest = {name: read_part(out, name).rows[0]["case_id"] for name in written}
    assert written == nearest
    assert run() == 0
    next(folder.iterdir()).unlink()
    assert run() == 1
    assert {path.name: path.read_text() for path in folder.iterdir()} == written


def test_a_page_is_there_once_it_is_written(phantom_bank, incoming, tmp_path):
    pages = Pages(tmp_path, phantom_bank)
    sources = index_folder(incoming).sources
    for outcome, scan in score_sources(sources, phantom_bank):
        if isinstance(outcome, Comparison):
            series = Named("a" * 16, 0, sources[0])
            assert not pages.is_there(series)
            pages.write(series, outcome, scan)
            assert pages.is_there(series)
            break
    text = (tmp_path / "reports" / f"{'a' * 16}.html").read_text(encoding="utf-8")
    assert "Not a medical device" in text
