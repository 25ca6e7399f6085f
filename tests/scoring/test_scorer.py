from __future__ import annotations

from medsiam import Comparison, compare, read_scan
from medsiam.scans import index_folder
from medsiam.scoring import Failure, Question, Skip
from medsiam.scoring.scorer import Scorer
from tests.scoring.conftest import TWO


def kinds(answers):
    found = {}
    for answer in answers:
        found[answer.place] = "taken" if answer.taken else type(answer.outcome)
        answer.done()
    return [found[place] for place in sorted(found)]


def test_what_is_claimed_alone_is_answered_again_and_again(phantom_bank, incoming):
    sources = index_folder(incoming).sources
    with Scorer(phantom_bank, Question(k=2), TWO) as scorer:
        whole = kinds(scorer.answers(sources))
        assert sorted(kind.__name__ for kind in whole) == sorted(
            kind.__name__ for kind in (Comparison, Comparison, Failure, Skip, Skip)
        )
        for mine in ({0, 2}, {1, 3, 4}, set()):
            shared = kinds(scorer.answers(sources, claim=mine.__contains__))
            assert shared == [kind if n in mine else "taken" for n, kind in enumerate(whole)]


def test_the_bank_answers_in_the_version_that_it_had_at_first(phantom_bank, incoming, tmp_path):
    import shutil

    from medsiam import ReferenceBank

    bank = ReferenceBank.open(shutil.copytree(phantom_bank.path, tmp_path / "bank"))
    source = next(s for s in index_folder(incoming).sources if s.spatial_dims == 3)
    with Scorer(bank, Question(k=9), TWO) as scorer:
        bank.add(read_scan(source.path), case_id="itself", condition="new", patient_id="other")
        (answer,) = scorer.answers([source])
        answer.done()
    assert answer.outcome.bank_version == 1
    assert "itself" not in {match.case_id for match in answer.outcome.matches}
    assert compare(read_scan(source.path), bank, k=9).bank_version == 2
