"""A real but tiny encoder, and a bank that it fills."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from medsiam.bank import ReferenceBank
from medsiam.bank.place import bank_place
from medsiam.bank.sql_store import SqlStore
from medsiam.encoders import Architecture, Encoder, new_encoder
from medsiam.preprocessing import Recipe
from tests.bank.samples import FACTS, make_store, open_store
from tests.bank.servers import Server


def tiny_encoder(*, spatial_dims: int = 2, random_state: int = 0, name: str = "tiny") -> Encoder:
    architecture = Architecture(
        spatial_dims=spatial_dims, backbone="resnet10", embedding_dim=8, width=0.25
    )
    recipe = Recipe(spatial_dims=spatial_dims, spatial_size=(32,) * spatial_dims)
    return new_encoder(
        architecture, recipe, name=name, licence="CC0-1.0", random_state=random_state
    )


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return tiny_encoder()


@pytest.fixture(scope="session")
def encoder_3d() -> Encoder:
    return tiny_encoder(spatial_dims=3)


@pytest.fixture(scope="session")
def other_encoder() -> Encoder:
    return tiny_encoder(random_state=1, name="other")


@pytest.fixture
def bank(tmp_path, encoder) -> ReferenceBank:
    return ReferenceBank.create(tmp_path / "bank", encoder)


class Kept:
    """One bank's tables: made, opened again, and changed behind the bank's back."""

    def __init__(self, address: str, server: Server | None) -> None:
        self.address = address
        self._server = server

    def make(self) -> SqlStore:
        if self._server is None:
            return make_store(Path(self.address).parent)
        place = bank_place(self.address)
        place.make_of_files({}, FACTS)
        return place.open_store()

    def open(self) -> SqlStore:
        return open_store(self.address)

    def sql(self, statement: str) -> None:
        if self._server is not None:
            bank = self.address.partition("?")[0].rpartition("/")[2]
            self._server.sql(f"SET search_path = {bank}, public; {statement}")
            return
        with closing(sqlite3.connect(self.address)) as connection:
            connection.execute(statement)
            connection.commit()


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request, tmp_path) -> Kept:
    if request.param == "sqlite":
        return Kept(str(tmp_path / "bank.sqlite"), None)
    server = request.getfixturevalue("server")
    return Kept(server.address(), server)
