"""One worker for all who look: what needs the encoder is done in turn, and each sees his place."""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from medsiam import Scan
from medsiam.comparison import compare_embedding
from medsiam.errors import MedsiamError
from medsiam.phantoms import CONDITIONS, write_cases
from medsiam.scans import index_folder
from shell.open_bank import the_bank

Made = TypeVar("Made")
_QUIET_SECONDS = 1.0  # what is quicker needs no word
_LOOK_SECONDS = 0.25


@dataclass(eq=False)
class Job:
    """One piece of work.

    Attributes:
        make: does it, without any call to Streamlit.
        done: set when `made` or `error` is there, or when nobody waits for it any more.
    """

    make: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    made: Any = None
    error: BaseException | None = None

    def result(self) -> Any:
        """Return what was made, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        return self.made


class Worker:
    """One thread that takes jobs in the order of their arrival; a failing one costs only itself."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="medsiam-inference", daemon=True).start()

    def submit(self, make: Callable[[], Any]) -> Job:
        """Put work at the end of the queue."""
        job = Job(make)
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        return job

    def before(self, job: Job) -> int:
        """Return how many jobs come before this one: 0 where it is being done."""
        with self._changed:
            if job not in self._waiting:
                return 0
            return self._waiting.index(job) + (self._current is not None)

    def give_up(self, job: Job) -> None:
        """Take a job that nobody waits for out of the queue; one that has begun is ended."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.done.set()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                job = self._current = self._waiting.popleft()
            try:
                job.made = job.make()
            except BaseException as error:  # it belongs to the one who asked
                job.error = error
            with self._changed:
                self._current = None
            job.done.set()
            del job  # what it holds is the asker's alone


@st.cache_resource(show_spinner=False)
def the_worker() -> Worker:
    """Return the worker of this server."""
    return Worker()


def on_worker(what: str, make: Callable[[], Made]) -> Made:
    """Have work done in turn, showing the place in the queue and then that it goes on.

    A reader who leaves or does something else meanwhile takes his place in the queue with him.

    Args:
        what: for the reader, such as "Comparing with the bank".
        make: the work; it must not call Streamlit.

    Raises:
        whatever `make` raises.
    """
    worker = the_worker()
    job = worker.submit(make)
    if job.done.wait(_QUIET_SECONDS):
        return job.result()
    said = st.empty()
    try:
        while not job.done.wait(_LOOK_SECONDS):
            if _has_left():
                st.stop()
            # Each word to the page is also where Streamlit ends a script that was overtaken.
            said.info(_progress(what, worker.before(job)), icon=":material/hourglass_top:")
    finally:
        worker.give_up(job)
    said.empty()
    return job.result()


def warm_up() -> None:
    """Do all once that the first reader would wait for: load, read, embed, compare."""
    the_worker().submit(_rehearse).done.wait()


def _rehearse() -> None:
    try:
        bank = the_bank()
        recipe = bank.encoder_card.recipe
        noise = np.random.default_rng(0).random(recipe.spatial_size, np.float32)
        scan = Scan(noise, recipe.spatial_dims, spacing=(1.0,) * recipe.spatial_dims)
        query = bank.encoder.embed([scan] * len(bank.phases))
        _read_something()
        compare_embedding(query, [scan] * len(bank.phases), bank)
    except MedsiamError:
        return  # of a bank that is broken or empty; the page says it


def _read_something() -> None:
    """Have the process that decodes pictures started, by a synthetic one."""
    with tempfile.TemporaryDirectory(prefix="medsiam-") as folder:
        write_cases(
            folder,
            spatial_dims=2,
            conditions=CONDITIONS[:1],
            n_patients=1,
            random_state=0,
            form="dicom",
        )
        for source in index_folder(folder).sources:
            source.read()


def _progress(what: str, before: int) -> str:
    if before == 0:
        return f"{what} ..."
    readers = "1 reader" if before == 1 else f"{before} readers"
    return f"{what}: {readers} before you"


def _has_left() -> bool:
    """Return True where nobody looks at this session any more."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return False
    return not runtime.get_instance().is_active_session(context.session_id)
