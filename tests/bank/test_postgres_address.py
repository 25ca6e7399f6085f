from __future__ import annotations

import pytest

from medsiam.bank.postgres_address import is_postgres_address, parse_postgres_address
from medsiam.errors import BankError


def test_an_address_says_server_database_and_bank():
    found = parse_postgres_address(
        "postgresql://curie@db.hospital:5433/radiology/lungs?sslmode=require"
    )
    assert found.parameters == {
        "host": "db.hospital",
        "port": "5433",
        "user": "curie",
        "dbname": "radiology",
        "sslmode": "require",
    }
    assert found.bank == "lungs"
    assert str(found) == "postgresql://curie@db.hospital:5433/radiology/lungs?sslmode=require"
    assert parse_postgres_address("postgres://db/radiology").bank == "medsiam"
    socket = parse_postgres_address("postgresql:///radiology/lungs?host=/run/postgresql")
    assert socket.parameters == {"dbname": "radiology", "host": "/run/postgresql"}


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://curie:s3cr%40t@db/radiology/lungs",
        "postgresql://curie@db/radiology/lungs?password=s3cr%40t",
        "postgresql://curie@db/radiology/lungs?sslpassword=s3cr%40t&sslmode=require",
    ],
)
def test_a_password_is_used_and_never_shown(text):
    found = parse_postgres_address(text)
    assert "s3cr@t" in found.parameters.values()
    assert found.secret_text == text
    for shown in (str(found), repr(found), found.without_secrets("wrong: s3cr@t")):
        assert "s3cr" not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("postgresql://curie:s3cret@db", "names no database"),
        ("postgresql://curie:s3cret@db:port/x", "cannot be read"),
        ("postgresql://curie:s3cret@db/x/Big", "cannot be a bank's name"),
        ('postgresql://curie:s3cret@db/x/a";drop', "cannot be a bank's name"),
        ("postgresql://curie:s3cret@db/x/pg_catalog", "cannot be a bank's name"),
    ],
)
def test_what_is_no_address_is_refused_without_its_password(text, said):
    with pytest.raises(BankError, match=said) as refused:
        parse_postgres_address(text)
    assert "s3cret" not in str(refused.value)
    assert refused.value.exit_code == 6


def test_a_folder_is_no_address(tmp_path):
    assert not is_postgres_address(tmp_path)
    assert not is_postgres_address("banks/postgresql")
    assert is_postgres_address("PostgreSQL://db/x")
