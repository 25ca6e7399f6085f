from __future__ import annotations

import numpy as np
import pytest

from medsiam.bank import NewCase, ReferenceBank
from medsiam.bank.place import bank_place
from medsiam.errors import BankError, MedsiamError
from tests.bank.conftest import Kept
from tests.bank.samples import FACTS, make_image, start


def test_the_address_alone_opens_all_of_it(server, encoder):
    address = server.address()
    bank = ReferenceBank.create(address, encoder, who="curie")
    scans = [make_image(n) for n in range(3)]
    bank.add_many([NewCase((s,), f"c{n}", "LAM", "p") for n, s in enumerate(scans)])
    bank.remove("c1")
    again = ReferenceBank.open(address)
    assert [case.case_id for case in again.cases] == ["c0", "c2"]
    np.testing.assert_allclose(again.embeddings, encoder.embed([scans[0], scans[2]]), atol=1e-5)
    np.testing.assert_array_equal(again.scans("c2")[0].array, scans[2].array)
    assert again.encoder.fingerprint == encoder.fingerprint
    assert [v.what for v in again.versions] == ["create", "add 3 cases", "remove 1 case"]
    assert str(again.path) == address


def test_create_overwrites_nothing_and_another_s_tables_are_no_place(server, encoder):
    address = server.address()
    ReferenceBank.create(address, encoder)
    with pytest.raises(BankError, match="exists already"):
        ReferenceBank.create(address, encoder)
    server.sql("CREATE SCHEMA songs CREATE TABLE cases (x int)")
    with pytest.raises(BankError, match="exists already"):
        ReferenceBank.create(server.address("songs"), encoder)
    with pytest.raises(BankError, match="holds no bank"):
        ReferenceBank.open(server.address("songs"))


def test_without_pgvector_who_may_not_add_it_is_told_whom_to_ask(server, encoder):
    server.sql("CREATE ROLE maker LOGIN")
    server.sql("CREATE DATABASE bare OWNER maker")
    address = server.address("lungs", user="maker", database="bare")
    try:
        with pytest.raises(BankError, match="CREATE EXTENSION vector") as refused:
            ReferenceBank.create(address, encoder)
        assert refused.value.exit_code == 6
        server.sql("CREATE EXTENSION vector", database="bare")
        bank = ReferenceBank.create(address, encoder)
        bank.add(make_image(1), case_id="a", condition="LAM")
        assert len(ReferenceBank.open(address).cases) == 1
    finally:
        del refused
        bank = None
        server.sql("DROP DATABASE IF EXISTS bare WITH (FORCE)")
        server.sql("DROP ROLE maker")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE encoder_files SET content = 'x' WHERE name <> 'card.json'", "encoder is damaged"),
        ("DELETE FROM encoder_files WHERE name = 'card.json'", "card.json is missing"),
        ("UPDATE kept_scans SET content = content || '\\x00'", "case a: its kept scan is damaged"),
        ("DELETE FROM kept_scans", "case a: its kept scan is missing"),
        ("UPDATE cases SET condition = 'PAP'", "case a does not match its checksum"),
    ],
)
def test_damage_is_found_on_opening(change, said, server, encoder):
    kept = Kept(server.address(), server)
    bank = ReferenceBank.create(kept.address, encoder)
    bank.add(make_image(1), case_id="a", condition="LAM")
    kept.sql(change)
    with pytest.raises(MedsiamError, match=said) as refused:
        ReferenceBank.open(kept.address)
    assert refused.value.exit_code == 6


def test_two_who_add_the_same_cases_at_once_add_each_once(server):
    kept = Kept(server.address(), server)
    store = kept.make()
    adding = [start("writer_process", kept.address, "same", 10, 2, "partial") for _ in "ab"]
    for process in adding:
        process.communicate()
        assert process.returncode == 0
    names = [case.case_id for case in store.read().cases]
    assert sorted(names) == sorted({f"same-{i}-{j}" for i in range(10) for j in range(2)})
    assert store.version() == len(store.versions()) - 1
    assert store.facts == FACTS
    store.check_whole()


def test_nothing_is_asked_of_a_server_before_it_is_needed():
    assert bank_place("postgresql://nowhere.invalid/x").default_name == "medsiam"
