from __future__ import annotations

import random

from sqlalchemy import create_engine, insert, select

from medsiam.bank import schema


def test_the_filter_on_a_version_agrees_with_replaying_every_change():
    chance = random.Random(3)
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    held: set[int] = set()
    replayed = [set()]
    removed_in: dict[int, int] = {}
    added_in: dict[int, int] = {}
    for number in range(1, 40):
        if held and chance.random() < 0.4:
            gone = chance.choice(sorted(held))
            held -= {gone}
            removed_in[gone] = number
        else:
            key = len(added_in) + 1
            added_in[key] = number
            held |= {key}
        replayed.append(set(held))
    with engine.begin() as connection:
        for key, number in added_in.items():
            connection.execute(
                insert(schema.cases).values(
                    id=key,
                    case_id=f"c{key}",
                    condition="x",
                    proof="none",
                    added="",
                    added_version=number,
                    removed_version=removed_in.get(key),
                    digest="",
                )
            )
        for number, expected in enumerate(replayed):
            found = connection.execute(select(schema.cases.c.id).where(schema.in_version(number)))
            assert set(found.scalars()) == expected


def test_the_checksum_tells_apart_values_that_look_alike():
    alike = [
        (["1"], []),
        ([1], []),
        ([None], []),
        (["None"], []),
        (["a", "b"], []),
        (["a, b"], []),
        (["ab"], [b"x"]),
        (["ab"], [b"y"]),
    ]
    assert len({schema.digest(values, blobs) for values, blobs in alike}) == len(alike)
    assert schema.digest(["a"], [b"xy"]) == schema.digest(["a"], [b"x", b"y"])
