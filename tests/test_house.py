"""The shape of the house: one file, one test; public names; nothing that runs foreign code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import medsiam

ROOT = Path(__file__).parents[1]
SOURCES = [*sorted((ROOT / "medsiam").rglob("*.py")), *sorted((ROOT / "app").rglob("*.py"))]
# Records without behaviour of their own, tested where they are made and used.
WITHOUT_TEST = {"medsiam/_version.py", "medsiam/__main__.py", "medsiam/_lazy.py"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_each_file_has_its_test(path):
    if path.name == "__init__.py" or relative(path) in WITHOUT_TEST:
        return
    below = (
        path.relative_to(ROOT / "medsiam") if "medsiam" in path.parts else path.relative_to(ROOT)
    )
    test = ROOT / "tests" / below.parent / f"test_{path.stem}.py"
    assert test.is_file(), f"{relative(path)} has no {relative(test)}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_junk_drawer_and_no_foreign_code(path):
    assert path.stem not in {"utils", "helpers", "common", "misc", "util", "helper"}
    text = path.read_text(encoding="utf-8")
    risky = re.findall(
        r"\bimport pickle\b|torch\.load\(|allow_pickle\s*=\s*True|(?<![.\w])eval\(|(?<![.\w])exec\("
        r"|yaml\.load\(|weights_only\s*=\s*False",
        text,
    )
    assert not risky
    assert path.read_text().count("\n") <= 400, "one idea, one file"


def test_public_names_are_just_these_and_all_resolve():
    assert sorted(medsiam.__all__) == [
        "Case",
        "Comparison",
        "ConditionRank",
        "Encoder",
        "EncoderCard",
        "Failure",
        "Match",
        "MedsiamError",
        "Recipe",
        "ReferenceBank",
        "Scan",
        "TrainingConfig",
        "TwinEncoder",
        "Verdict",
        "__version__",
        "compare",
        "evaluate",
        "load_config",
        "load_encoder",
        "read_case_table",
        "read_scan",
        "score_folder",
        "train",
    ]
    for name in medsiam.__all__:
        assert getattr(medsiam, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        medsiam.nothing  # noqa: B018 - asking is the test


STAGE_PACKAGES = sorted(p.parent.name for p in (ROOT / "medsiam").glob("*/__init__.py"))


@pytest.mark.parametrize("stage", STAGE_PACKAGES)
def test_every_name_a_stage_promises_resolves(stage):
    module = __import__(f"medsiam.{stage}", fromlist=["__all__"])
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_no_error_or_warning_is_silenced_whole():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                bare = node.type is None
                silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
                assert not (bare and silent), f"{relative(path)}:{node.lineno}"
