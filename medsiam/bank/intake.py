"""A whole case table into the bank: one new version, every row accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from medsiam.bank.admission import check_phases
from medsiam.bank.case import PROOFS
from medsiam.bank.new_case import NewCase
from medsiam.bank.reference_bank import ReferenceBank
from medsiam.bank.same_picture import Pictures
from medsiam.bank.who import operating_user
from medsiam.cases import CaseRow, CaseTable, group_cases
from medsiam.errors import BankError, MedsiamError, ScanError, UsageError
from medsiam.scans import read_scan
from medsiam.scans.scan import Scan

_HOW = {
    "proof": "add a column proof, or give --proof for all rows without one "
    f"({', '.join(PROOFS)}; an explicit none is allowed)",
    "licence": "add a column licence, or give --licence for all rows without one "
    "(the licence or consent that allows its use; an explicit none is allowed)",
}
_CASES_NAMED = 5


class FailedRow(NamedTuple):
    """A row that is not in the bank: its path as written, a stable code, and the reason."""

    path: str
    code: str
    message: str


@dataclass(frozen=True)
class Intake:
    """What became of a case table: the cases added, the rows that failed, remarks."""

    added: tuple[str, ...]
    failed: tuple[FailedRow, ...]
    notices: tuple[str, ...] = ()


def add_case_table(  # noqa: PLR0913 - what holds for all rows, each by its name
    bank: ReferenceBank,
    table: CaseTable,
    *,
    proof: str | None = None,
    licence: str | None = None,
    source: str | None = None,
    confirmed: Collection[str] = (),
    who: str | None = None,
    why: str | None = None,
    progress: Callable[[], None] | None = None,
) -> Intake:
    """Add the cases of a table to the bank, all as one new version.

    Rows that share a case_id are one case, in phase order. A row that cannot be read is reported,
    as is a case that the bank refuses; the rest goes on. An empty bank takes the phases that most
    cases of the table have.

    Args:
        bank: its own encoder embeds the scans.
        table: as read by `read_case_table`.
        proof: for cases whose own column is empty.
        licence: likewise.
        source: likewise.
        confirmed: case_ids whose scans say that they show names, dates or a face, and that a
            person has looked at and found to show nobody.
        who: adds the cases, and has looked; by default the user of the operating system.
        why: for the list of versions; by default the name of the table.
        progress: called once per row.

    Raises:
        UsageError: `proof` is not one of `PROOFS`, or a confirmed case is not in the table.
        BankError: not one case says how its diagnosis was proven, or what allows its use.
    """
    if proof is not None and proof not in PROOFS:
        raise UsageError(f"unknown proof {proof!r}; use one of {', '.join(PROOFS)}")
    who = who or operating_user()
    defaults = {"proof": proof, "licence": licence, "source": source}
    reading = _Reading(table, defaults, progress, phases=bank.phases if bank.cases else None)
    reading.confirm(confirmed, who)
    for name in ("proof", "licence"):
        if not any(reading.text(rows, name) for rows in reading.cases.values()):
            raise BankError(f"no case of {table.path} has a {name}: {_HOW[name]}")
    added = bank.add_many(
        reading.new_cases(),
        who=who,
        why=why or f"from {table.path.name}",
        on_refused=reading.refuse,
    )
    names = tuple(case.case_id for case in added)
    return Intake(names, reading.failed, (*reading.notices, *_same_pictures(bank, names)))


def _same_pictures(bank: ReferenceBank, added: Sequence[str]) -> tuple[str, ...]:
    """Name the added cases that show the picture of another patient's case."""
    snapshot = bank.snapshot()
    names = [case.case_id for case in snapshot.cases]
    new = set(added)
    rows = [row for row, name in enumerate(names) if name in new]
    pairs = Pictures.of(snapshot).pairs(rows)
    if not pairs:
        return ()
    shown = "; ".join(f"{names[b]} as {names[a]}" for a, b in pairs[:_CASES_NAMED])
    more = f"; and {len(pairs) - _CASES_NAMED} more" if len(pairs) > _CASES_NAMED else ""
    return (
        "these cases seem to show the same picture as a case of another patient, or of an unknown "
        f"one: {shown}{more}. Look at them: where it is one patient, remove one of the two, or add "
        "it again under the same patient_id",
    )


class _Reading:
    """One pass over the cases of a table; keeps what failed, by line."""

    def __init__(
        self,
        table: CaseTable,
        defaults: dict[str, str | None],
        progress: Callable[[], None] | None,
        *,
        phases: tuple[str, ...] | None,
    ) -> None:
        self.cases = {rows[0].case_id: rows for rows in group_cases(table.rows)}
        self._phases = phases or _usual_phases(self.cases.values())
        self._defaults = defaults
        self._progress = progress
        self._failed: dict[int, FailedRow] = {}
        self._n_telling = 0
        self._may_show_text: list[str] = []
        self._confirmed: frozenset[str] = frozenset()
        self._who: str | None = None

    def confirm(self, case_ids: Collection[str], who: str | None) -> None:
        """Take down who has looked at the scans of these cases.

        Raises:
            UsageError: one of them is not in the table, or nobody knows who has looked.
        """
        if unknown := sorted(set(case_ids) - self.cases.keys()):
            raise UsageError(f"the table has no case {', '.join(unknown)} that could be confirmed")
        if case_ids and not who:
            raise UsageError("a confirmation needs the name of who has looked; give --who")
        self._confirmed, self._who = frozenset(case_ids), who

    @property
    def failed(self) -> tuple[FailedRow, ...]:
        """Failed rows in the order of the table."""
        return tuple(self._failed[line] for line in sorted(self._failed))

    @property
    def notices(self) -> tuple[str, ...]:
        """Remarks on the texts that were stored as they are."""
        said = []
        if self._n_telling:
            said.append(
                f"in {self._n_telling} cases the case_id, source, notes or another text contain "
                "the patient's identifier; the bank keeps and shows these texts as they are: where "
                "that is not allowed, give a case_id of your own"
            )
        if self._may_show_text:
            shown = ", ".join(self._may_show_text[:_CASES_NAMED])
            more = len(self._may_show_text) - _CASES_NAMED
            said.append(
                "pictures of a kind that often shows names or dates (ultrasound, screenshots), of "
                f"which no header says that they show none; look at them: {shown}"
                + (f" and {more} more" if more > 0 else "")
            )
        return tuple(said)

    def text(self, rows: tuple[CaseRow, ...], name: str) -> str | None:
        """Return what the rows of a case say in a column, else what was given for all rows."""
        said = dict.fromkeys(value for row in rows if (value := getattr(row, name)))
        return "; ".join(said) or self._defaults.get(name)

    def new_cases(self) -> Iterator[NewCase]:
        """Yield every case that could be read, one at a time."""
        for case_id, rows in self.cases.items():
            new = None
            try:
                new = self._new_case(rows)
            except MedsiamError as error:
                self.refuse(case_id, error)
            if self._progress is not None:
                for _ in rows:
                    self._progress()
            if new is not None:
                yield new

    def refuse(self, case_id: str, error: MedsiamError) -> None:
        """Note for every row of a case why it is not in the bank."""
        for row in self.cases[case_id]:
            if row.row not in self._failed:
                self._fail(row, getattr(error, "code", "refused"), str(error))

    def _fail(self, row: CaseRow, code: str, message: str) -> None:
        self._failed[row.row] = FailedRow(row.path_text, code, message)

    def _new_case(self, rows: tuple[CaseRow, ...]) -> NewCase | None:
        """Read one case; None where a row of it failed, which is noted."""
        first = rows[0]
        for name in ("proof", "licence"):
            if not self.text(rows, name):
                raise BankError(f"case {first.case_id} has no {name}: {_HOW[name]}")
        check_phases(first.case_id, _phases(rows), self._phases)
        scans = self._read(rows)
        if scans is None:
            return None
        patient_id = self.text(rows, "patient_id") or self.text(rows, "group")
        new = NewCase(
            scans=scans,
            case_id=first.case_id,
            condition=first.condition,
            patient_id=patient_id,
            proof=self.text(rows, "proof") or "",
            licence=self.text(rows, "licence"),
            source=self.text(rows, "source"),
            phases=_phases(rows),
            notes=self.text(rows, "notes"),
            site=self.text(rows, "site"),
            scanner=self.text(rows, "scanner"),
            acquired=self.text(rows, "acquired"),
            curator=self.text(rows, "curator"),
            pixels_checked_by=self._who if first.case_id in self._confirmed else None,
        )
        self._n_telling += new.tells_patient
        if any(
            getattr(said, "code", None) == "burned_in_text" for s in scans for said in s.warnings
        ):
            self._may_show_text.append(new.case_id)
        return new

    def _read(self, rows: tuple[CaseRow, ...]) -> tuple[Scan, ...] | None:
        scans = []
        for row in rows:
            try:
                scan = read_scan(row.path)
            except ScanError as error:
                self._fail(row, error.code, str(error))
                continue
            scans.append(replace(scan, modality=scan.modality or row.modality))
        if len(scans) == len(rows):
            return tuple(scans)
        for row in rows:
            if row.row not in self._failed:
                reason = f"another scan of case {row.case_id} could not be read"
                self._fail(row, "incomplete_case", reason)
        return None


def _phases(rows: tuple[CaseRow, ...]) -> tuple[str, ...]:
    return tuple(row.phase for row in rows)


def _usual_phases(cases: Iterable[tuple[CaseRow, ...]]) -> tuple[str, ...]:
    """Return the phases that most cases have; of several the first, ("",) without any case."""
    counted = Counter(map(_phases, cases)).most_common(1)
    return counted[0][0] if counted else ("",)
