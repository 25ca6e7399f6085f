from __future__ import annotations

from bank_pages.versions import version_rows
from medsiam import ReferenceBank
from medsiam.bank import NewCase
from tests.app.conftest import encoder, scan_2d


def script():
    from bank_pages.versions import versions_tab
    from shell.open_bank import the_bank

    versions_tab(the_bank())


def test_every_change_is_listed_the_newest_first(start, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2), who="ada", why="begin")
    bank.add_many([NewCase((scan_2d("along", 1),), "x", "a")], who="bob", why="first case")
    bank.remove_many(["x"], who="cyd")
    app = start(bank, script=script)
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["version"]) == [2, 1, 0]
    assert list(table["who"]) == ["cyd", "bob", "ada"]
    assert list(table["why"]) == ["-", "first case", "begin"]
    assert list(table["cases"]) == [0, 1, 0]
    assert version_rows(bank.versions)[0]["what"] == "remove 1 case"
