from __future__ import annotations

import numpy as np
import pytest
from pgvector import Vector

from medsiam.bank.vector_type import from_wire, to_wire

VALUES = np.array([0.0, -0.0, 1 / 3, 1e-42, -3.4e38, 7], np.float32)


def test_the_wire_form_is_pgvector_s_own():
    assert bytes(to_wire(VALUES.tobytes())) == Vector(VALUES).to_binary()
    assert from_wire(Vector(VALUES).to_binary()) == VALUES.tobytes()


@pytest.mark.parametrize("dim", [1, 4, 513])
def test_every_bit_comes_back(dim):
    values = np.random.default_rng(dim).normal(size=dim).astype("<f4").tobytes()
    assert from_wire(bytes(to_wire(values))) == values


def test_the_server_itself_can_measure_distances(server):
    import psycopg

    from tests.bank.conftest import Kept
    from tests.bank.samples import add, vector_of

    kept = Kept(server.address(), server)
    add(kept.make(), "a", "b")
    bank = kept.address.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(host=str(server.sockets), user="postgres", dbname="postgres") as asked:
        asked.execute(f"SET search_path = {bank}, public")
        (distance,) = asked.execute(
            'SELECT a.vector <-> b.vector FROM embeddings a, embeddings b WHERE a."case" < b."case"'
        ).fetchone()
    assert distance == pytest.approx(np.linalg.norm(vector_of("a") - vector_of("b")), rel=1e-6)
