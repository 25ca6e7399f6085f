from __future__ import annotations

import logging
import struct
import threading
import warnings
from pathlib import Path

import pytest

from medsiam.errors import ScanError
from medsiam.scans.faults import fault
from medsiam.scans.guard import guarded, quiet

PATH = Path("some/file.dcm")


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (RecursionError("deep"), "nested_too_deep"),
        (AssertionError("Planted^Name"), "unreadable"),
        (struct.error("Planted^Name"), "unreadable"),
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
        "the pixel data are longer than the header says",
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


def test_around_many_files_it_is_told_of_which_one_a_warning_is():
    before = list(warnings.filters), warnings.showwarning
    with quiet() as heard:
        with guarded(PATH) as first:
            warnings.warn("odd", stacklevel=1)
        with guarded(PATH) as second:
            pass
        mark = heard.mark()
        warnings.warn("Planted^Name", stacklevel=1)
        (own,) = heard.since(mark)
    assert [said.code for said in first] == ["odd_header"]
    assert second == []
    assert own.code == "odd_header"
    assert "Planted" not in own
    assert (list(warnings.filters), warnings.showwarning) == before


def test_no_thread_waits_for_another_nor_hears_its_warnings():
    """Every thread is inside at the same time, which a lock around the block would not allow."""
    all_inside = threading.Barrier(4, timeout=20)
    heard: dict[int, list[str]] = {}

    def read(k: int) -> None:
        with guarded(PATH) as said:
            all_inside.wait()
            for place in range(k):
                warnings.warn(f"odd {place}", stacklevel=1)
            all_inside.wait()
        heard[k] = said

    threads = [threading.Thread(target=read, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {
        0: [],
        **{k: [f"the header departs from the standard in {k} places"] for k in (1, 2, 3)},
    }


def test_who_does_not_read_warns_as_before():
    inside, done = threading.Event(), threading.Event()

    def read() -> None:
        with guarded(PATH):
            inside.set()
            done.wait(20)

    with warnings.catch_warnings(record=True) as shown:
        thread = threading.Thread(target=read)
        warnings.simplefilter("always")
        thread.start()
        inside.wait(20)
        with warnings.catch_warnings(record=True) as mine:
            warnings.warn("of mine", stacklevel=1)
        done.set()
        thread.join()
    assert [str(warning.message) for warning in (*shown, *mine)] == ["of mine"]
