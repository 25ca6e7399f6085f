from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.errors import BankError, ScanError
from medsiam.scans import FAULTS
from medsiam.scans.faults import fault
from study.fault_words import FAULT_WORDS, detail_of, words_for


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_fault_of_the_library_has_three_sentences(code):
    words = words_for(fault(code, Path("x"), "seen"))
    assert words is FAULT_WORDS[code]
    for sentence in words:
        assert sentence[0].isupper()
        assert sentence[-1] == "."
        # Words of the command line and of the library are no words of a reader.
        assert not {"`", "medsiam", "read_scan", "--", "_"} & set(sentence.split())
        assert "`" not in sentence
        assert "--" not in sentence


def test_no_two_faults_say_the_same():
    assert len(FAULTS) >= 30
    assert len({words.saw for words in FAULT_WORDS.values()}) == len(FAULT_WORDS)
    assert len({words.to_do for words in FAULT_WORDS.values()}) == len(FAULT_WORDS)


def test_the_detail_is_what_was_seen_and_no_path():
    place = Path("a/DOE: JOHN/x")
    error = fault("missing_slices", place, "the step between 56 and 57 is 10 mm")
    assert detail_of(error, [Path("a"), place]) == "the step between 56 and 57 is 10 mm"


@pytest.mark.parametrize(
    "error",
    [
        BankError("/data/DOE JOHN: gone"),
        ScanError("nothing_to_compare", "/data/DOE JOHN: x"),
        fault("no_access", Path("/data/DOE: JOHN"), "gone"),
    ],
)
def test_a_path_that_is_not_known_gives_no_detail(error):
    assert detail_of(error, [Path("/other")]) is None


def test_an_error_without_code_has_words_too():
    assert words_for(BankError("x")).to_do
