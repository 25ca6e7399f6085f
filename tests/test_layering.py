"""Who imports whom: data flows one way, and the doors use public names only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "medsiam"

# In the order of the flow: a stage imports only stages before it.
STAGES = (
    "scans",
    "preprocessing",
    "encoders",
    "distances",
    "metrics",
    "bank",
    "comparison",
    "reports",
    "scoring",
    "pacs",
    "evaluation",
    "training",
    "phantoms",
    "cli",
)
FOUNDATION = {"_lazy", "_version", "errors", "config", "cases", "writing"}
FORBIDDEN = {
    "training": {"bank", "comparison", "reports", "scoring", "pacs", "evaluation"},
    "evaluation": {"scans", "preprocessing", "encoders"},
    "phantoms": {*STAGES} - {"phantoms"},
    "distances": {*STAGES} - {"distances"},
    "metrics": {*STAGES} - {"metrics", "distances"},
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at any depth of the code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def stage_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "medsiam" and len(parts) > 1 else None


FILES = sorted(PACKAGE.rglob("*.py"))


def test_the_walk_sees_every_stage():
    seen = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert set(STAGES) <= seen
    assert seen - set(STAGES) - FOUNDATION == {"__init__", "__main__"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_stage_imports_only_stages_before_it(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    used = {stage_of(module) for module in imports(path)} & set(STAGES) - {own}
    if own in FOUNDATION:
        assert not used, f"{own} is below every stage"
    if own not in STAGES:
        return
    later = used & set(STAGES[STAGES.index(own) :])
    assert not later, f"{own} imports {later}, which come after it"
    assert not used & FORBIDDEN.get(own, set())


def test_phantoms_need_nothing_but_errors():
    for path in (PACKAGE / "phantoms").rglob("*.py"):
        used = {module for module in imports(path) if stage_of(module)}
        assert {stage_of(module) for module in used} <= {"phantoms", "errors", "_lazy", "writing"}


DOORS = [*sorted((PACKAGE / "cli").rglob("*.py")), *sorted((ROOT / "app").rglob("*.py"))]
OPEN_TO_DOORS = {"_version", "config", "cases", "errors", "writing", "cli"}


@pytest.mark.parametrize("path", DOORS, ids=lambda p: str(p.relative_to(ROOT)))
def test_doors_use_public_names_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    for module in modules:
        if stage_of(module or "") is None or stage_of(module) in OPEN_TO_DOORS:
            continue
        assert module.count(".") == 1, f"{path}: {module} is inside a stage; use its package"
    if path.is_relative_to(ROOT / "app"):
        assert not any(module and module.startswith("medsiam.cli") for module in modules)


def test_only_the_app_imports_streamlit():
    for path in FILES:
        assert not any(m.split(".")[0] == "streamlit" for m in imports(path)), path


@pytest.mark.parametrize("library", ["pydicom", "nibabel"])
def test_only_scans_reads_files_of_the_field(library):
    # Reports write it and read none; the listener opens no file but what they wrote.
    allowed = {"scans", "phantoms", "reports", "pacs"}
    if library == "nibabel":
        allowed |= {"bank"}
    for path in FILES:
        own = path.relative_to(PACKAGE).parts[0]
        if any(m.split(".")[0] == library for m in imports(path)):
            # cli/demo.py asks pydicom where its bundled files lie; it reads none of them
            assert own in allowed or path.name == "demo.py", path


@pytest.mark.parametrize("stage", ["distances.py", "metrics.py", "comparison/matching.py"])
def test_arithmetic_needs_numpy_only(stage):
    heavy = {"torch", "monai", "sklearn", "scipy", "pandas"}
    assert not {m.split(".")[0] for m in imports(PACKAGE / stage)} & heavy


@pytest.mark.parametrize(
    "code",
    [
        "import medsiam; medsiam.Scan; medsiam.read_scan",
        "import medsiam.encoders.card",
        "import medsiam.cli",
        "from medsiam import ReferenceBank",
        "from medsiam.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_light_imports_load_neither_torch_nor_monai(code):
    check = f"{code}\nimport sys\nassert not {{'torch', 'monai', 'streamlit'}} & set(sys.modules)"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
