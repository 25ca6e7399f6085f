from __future__ import annotations

import logging
import threading
import warnings
from pathlib import Path

import pytest

from medsiam.errors import ScanError
from medsiam.scans.faults import fault
from medsiam.scans.guard import guarded

PATH = Path("some/file.dcm")


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (RecursionError("deep"), "unreadable"),
        (ValueError("Planted^Name"), "unreadable"),
        (KeyError("Planted^Name"), "unreadable"),
        (MemoryError(), "too_large"),
        (FileNotFoundError(2, "gone"), "missing_file"),
        (PermissionError(13, "no"), "no_access"),
        (OSError(5, "disk"), "unreadable"),
    ],
)
def test_any_exception_becomes_a_fault_that_quotes_nothing(raised, code):
    with pytest.raises(ScanError) as caught, guarded(PATH):
        raise raised
    assert caught.value.code == code
    assert str(PATH) in str(caught.value)
    assert "Planted" not in str(caught.value)
    assert caught.value.__suppress_context__  # nor does a traceback


def test_a_fault_passes_as_it_is():
    known = fault("empty_file", PATH, "it holds no bytes")
    with pytest.raises(ScanError) as caught, guarded(PATH):
        raise known
    assert caught.value is known


def test_an_interrupt_is_no_fault_of_the_file():
    with pytest.raises(KeyboardInterrupt), guarded(PATH):
        raise KeyboardInterrupt


def test_warnings_are_told_by_kind_and_never_quoted():
    with guarded(PATH) as said:
        warnings.warn("Invalid value for VR PN: 'Planted^Name'", stacklevel=1)
        warnings.warn("Invalid value for VR LO: 'planted-4711'", stacklevel=1)
        warnings.warn("which indicates it contains 2 bytes of excess padding", stacklevel=1)
    assert said == [
        "the pixel data are longer than the header says; the rest was left",
        "the header departs from the standard in 2 places",
    ]


def test_what_pydicom_logs_stays_inside(caplog):
    logger = logging.getLogger("pydicom.filereader")
    with guarded(PATH):
        logger.error("Planted^Name")
    assert caplog.text == ""
    logger.error("outside")
    assert "outside" in caplog.text


def test_filters_are_as_before_afterwards():
    before = list(warnings.filters)
    with guarded(PATH):
        pass
    with pytest.raises(ScanError), guarded(PATH):
        raise ValueError
    assert list(warnings.filters) == before


def test_threads_leave_the_filters_as_they_were():
    before = list(warnings.filters)

    def many():
        for _ in range(200):
            with guarded(PATH):
                warnings.warn("odd", stacklevel=1)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
