from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.bank import ReferenceBank, postgres_server
from medsiam.bank.place import bank_place
from medsiam.errors import BankError
from tests.bank.conftest import Kept
from tests.bank.samples import add, make_image, make_review


@pytest.fixture
def shared(server) -> Kept:
    return Kept(server.address(), server)


def name_of(kept: Kept) -> str:
    return kept.address.partition("?")[0].rpartition("/")[2]


def test_a_server_that_stops_is_a_clear_error_and_the_next_call_after_it_works(shared, server):
    store = shared.make()
    add(store, "a")
    server.stop()
    try:
        for call in (store.version, store.read, lambda: add(store, "b"), shared.open):
            with pytest.raises(
                BankError, match=r"cannot be used: .*See that the server runs"
            ) as said:
                call()
            assert "\n" not in str(said.value)
    finally:
        server.start()
    assert store.version() == 1
    assert add(store, "b") == 2
    store.check_whole()


def change_while_it_stops(store, server):
    with store._database.transaction(writes=True) as connection:
        connection.exec_driver_sql("DELETE FROM review_head")
        server.stop()
        server.start()
        connection.exec_driver_sql("DELETE FROM meta")


def test_a_server_that_stops_within_a_change_keeps_none_of_it(shared, server):
    store = shared.make()
    with pytest.raises(BankError, match="cannot be used"):
        change_while_it_stops(store, server)
    assert shared.open().reviews.head() is not None


def test_who_waits_too_long_for_another_writer_is_told(shared, monkeypatch):
    store, other = shared.make(), shared.open()
    monkeypatch.setattr(postgres_server, "BUSY_SECONDS", 1)
    with other._database.transaction(writes=True):
        with pytest.raises(BankError, match="being written by another program"):
            add(store, "a")
        assert store.read().cases == ()
    assert add(store, "a") == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"bank": "nowhere"}, "holds no bank; make one with `medsiam bank create`"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"user": "nobody"}, 'role "nobody" does not exist'),
    ],
)
def test_what_cannot_be_opened_is_one_line_and_no_bank(asked, said, server):
    with pytest.raises(BankError, match=said) as refused:
        bank_place(server.address(**({"bank": "nowhere"} | asked))).open_store()
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 6


def test_no_server_and_no_password_in_the_error():
    address = "postgresql://curie:s3cret@127.0.0.1:9/radiology/lungs"
    with pytest.raises(BankError, match=r"postgresql://curie@127\.0\.0\.1:9.*refused") as refused:
        bank_place(address).open_store()
    assert "s3cret" not in str(refused.value)


def test_a_reader_without_rights_reads_and_may_not_write(shared, server):
    add(shared.make(), "a")
    bank = name_of(shared)
    server.sql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
    reader = server.address(bank, user="reader")
    try:
        with pytest.raises(BankError, match=r"lacks a right .*permission denied"):
            bank_place(reader).open_store()
        server.sql(
            f"GRANT USAGE ON SCHEMA {bank} TO reader; "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {bank} TO reader"
        )
        store = bank_place(reader).open_store()
        assert len(store.read().cases) == 1
        with pytest.raises(BankError, match="lacks a right") as refused:
            add(store, "b")
        assert refused.value.exit_code == 6
    finally:
        server.sql("DROP OWNED BY reader; DROP ROLE reader")


def test_a_password_comes_from_the_environment_or_the_address(shared, server, monkeypatch):
    shared.make()
    server.sql("CREATE ROLE curie LOGIN SUPERUSER PASSWORD 's3cret'")
    server.ask_password_of("curie")
    address = server.address(name_of(shared), user="curie")
    for wrong in (address, address.replace("curie@", "curie:wr0ng@")):
        with pytest.raises(BankError, match=r"cannot be used: .*password") as refused:
            bank_place(wrong).open_store()
        assert "wr0ng" not in str(refused.value)
    assert bank_place(address.replace("curie@", "curie:s3cret@")).open_store().version() == 0
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    assert bank_place(address).open_store().version() == 0


def test_the_rights_in_the_manual_are_those_that_are_needed(server, encoder):
    text = (Path(__file__).parents[2] / "docs" / "bank.md").read_text(encoding="utf-8")
    grants = text.partition("```sql\n")[2].partition("```")[0]
    lungs = ReferenceBank.create(server.address("lungs"), encoder)
    server.sql("CREATE ROLE readers LOGIN")
    server.sql("CREATE ROLE curators LOGIN")
    try:
        server.sql(grants)
        bank = ReferenceBank.open(server.address("lungs", user="curators"))
        bank.add(make_image(1), case_id="a", condition="LAM")
        bank.keep_calibration("{}", bank_version=1)
        bank.restore(0)
        reader = ReferenceBank.open(server.address("lungs", user="readers"))
        reader.reviews.append(make_review())
        assert (reader.version, len(bank.reviews.all())) == (2, 1)
        with pytest.raises(BankError, match="lacks a right"):
            reader.restore(1)
        with pytest.raises(BankError, match="lacks a right"):
            reader.keep_calibration("{}", bank_version=1)
    finally:
        server.sql("DROP OWNED BY readers, curators; DROP ROLE readers, curators")
    assert lungs.version == 2


def test_a_newer_bank_is_refused(shared):
    shared.make()
    shared.sql("UPDATE medsiam_bank SET form = 99")
    with pytest.raises(BankError, match="newer medsiam"):
        shared.open()
