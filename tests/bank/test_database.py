from __future__ import annotations

from medsiam.bank.database import damaged
from medsiam.errors import BankError


def test_damage_says_where_what_and_what_to_do(kept):
    store = kept.make()
    error = damaged(store._database, "no version is left")
    assert isinstance(error, BankError)
    said = "is damaged (no version is left); restore it from a copy of the bank"
    assert str(error) == f"{kept.address} {said}"


def test_writers_take_turns_and_a_reader_sees_one_state(kept):
    store = kept.make()
    with store._database.transaction() as reading:
        before = reading.exec_driver_sql("SELECT count(*) FROM calibrations").scalar()
        kept.open().keep_calibration("{}", bank_version=0, who=None)
        assert reading.exec_driver_sql("SELECT count(*) FROM calibrations").scalar() == before == 0
    assert len(store.calibrations()) == 1


def test_a_transaction_that_fails_leaves_nothing(kept):
    store = kept.make()
    try:
        with store._database.transaction(writes=True) as connection:
            connection.exec_driver_sql("DELETE FROM meta")
            raise KeyError
    except KeyError:
        pass
    assert kept.open().facts == store.facts
