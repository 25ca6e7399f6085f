from __future__ import annotations

from medsiam.bank import schema, statements
from tests.bank.samples import add, make_record, make_store


def test_cases_are_counted_per_version_and_found_by_name(tmp_path):
    store = make_store(tmp_path)
    add(store, "a", "b")
    store.remove(["a"])
    add(store, "c", "d")
    with store._database.transaction() as connection:
        n_cases = statements.count_by_version(connection)
        assert [n_cases(number) for number in range(4)] == [0, 2, 1, 3]
        found = statements.current_cases(connection, ["a", "b", "d", "nobody"])
        assert {row.case_id for row in found} == {"b", "d"}
        read = statements.read_records(connection, schema.in_version(1))
        assert [record.case for record in read] == [make_record(name).case for name in "ab"]
