from __future__ import annotations

import re

import pytest

from medsiam import errors
from medsiam.errors import MedsiamError, ScanError

TREE = errors.__doc__ or ""
CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, Exception)
}


def test_the_drawn_tree_is_the_real_one():
    drawn = re.findall(r"^ +([|`\- ]*)(\w+(?:Error))\b", TREE, flags=re.MULTILINE)
    parents: list[str] = []
    found = {}
    for stem, name in drawn:
        depth = len(stem) // 4
        parents = [*parents[:depth], name]
        found[name] = parents[depth - 1] if depth else "Exception"
    assert found == {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_error_has_an_exit_code_of_the_contract(kind):
    assert issubclass(kind, MedsiamError)
    assert kind.exit_code in {2, 3, 5, 6, 7, 8, 130}


def test_a_scan_error_carries_its_code():
    error = ScanError("empty_file", "a.dcm: the file is empty")
    assert (error.code, str(error)) == ("empty_file", "a.dcm: the file is empty")
