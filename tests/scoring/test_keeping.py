from __future__ import annotations

import pytest

from medsiam.scans import ScanSource, SkippedFile, index_folder
from medsiam.scoring import Limits, Question, named_series, read_part
from medsiam.scoring.keeping import Keeping
from medsiam.scoring.run_state import new_state
from medsiam.scoring.scorer import Scorer
from medsiam.scoring.series_name import Named
from tests.scoring.conftest import TWO


@pytest.fixture
def keep(phantom_bank, incoming, tmp_path):
    """Makes a `Keeping`; what changed is counted in its list."""
    (tmp_path / "parts").mkdir()
    counts = {"shard": None, "tree": "", "n_series": 5, "n_files": 9}
    state = new_state(phantom_bank, Question(), incoming, **counts)

    def make(limits=TWO):
        changes = []
        return changes, Keeping(
            tmp_path,
            state,
            incoming,
            limits=limits,
            extras=(),
            changing=lambda: changes.append(1),
        )

    return make


def test_each_outcome_is_kept_once_under_its_content(keep, phantom_bank, incoming, tmp_path):
    series = [
        named
        for named in named_series(index_folder(incoming), phantom_bank)
        if isinstance(named.found, ScanSource)
    ]
    changes, keeping = keep()
    for n_known in (0, 5):
        with Scorer(phantom_bank, Question(), TWO) as scorer:
            known = []
            for answer in scorer.answers(
                [named.found for named in series],
                is_known=lambda place, content: keeping.knows(series[place], content),
            ):
                part, was_known = keeping.take(series[answer.place], answer)
                answer.done()
                assert part == read_part(tmp_path, series[answer.place].name)
                known.append(was_known)
        assert sum(known) == n_known
        assert len(changes) == 5


def test_a_scan_that_cannot_be_listed_is_known_by_what_is_wrong_and_moves_along(keep, incoming):
    skipped = SkippedFile(incoming / "IM0001", "no_access", "no permission to read it")
    changes, keeping = keep()
    part, known = keeping.take_unlisted(Named("a" * 16, 3, skipped))
    assert (part.outcome, part.code, known) == ("failed", "no_access", False)
    part, known = keeping.take_unlisted(Named("a" * 16, 4, skipped))
    assert (part.place, known) == (4, True)
    assert len(changes) == 1
    _, other = keep(Limits(workers=1))
    assert other.take_unlisted(Named("a" * 16, 4, skipped))[1]
