from __future__ import annotations

import re

from tests.app.viewer.conftest import MODULES
from viewer.viewer_source import ORDER, javascript, stylesheet

_TOP = re.compile(r"^(?:export )?(?:default )?(?:async )?(?:const|let|function|class) (\w+)", re.M)


def test_every_module_is_in_once_and_after_those_it_uses():
    assert {path.stem for path in MODULES.glob("*.js")} == set(ORDER)
    for name in ORDER:
        text = (MODULES / f"{name}.js").read_text(encoding="utf-8")
        for used in re.findall(r'from "\./(\w+)\.js"', text):
            assert ORDER.index(used) < ORDER.index(name)


def test_no_two_modules_share_a_name_and_no_import_is_left():
    names = _TOP.findall(javascript())
    assert len(names) == len(set(names))
    assert not re.search(r"^import ", javascript(), re.M)


def test_nothing_comes_from_elsewhere():
    text = javascript() + stylesheet()
    addresses = set(re.findall(r"https?://[^\s\"']+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert "@import" not in text


def test_files_stay_readable():
    for name in ORDER:
        lines = (MODULES / f"{name}.js").read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) <= 120
