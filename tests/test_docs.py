"""The pages say what the program does. Requirements:

1. commands, settings, findings, indicators and the tree of files are made from the program and are not stale
2. the code in the README and in the methods page runs and gives what stands there
3. links between pages lead somewhere; every page of docs/ is named in the README
4. no page names a place on somebody's machine

    DOCS_UPDATE=1 pytest tests/test_docs.py      writes what is made from the program anew
"""

import ast
import doctest
import inspect
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer

from analysis.indicators import INDICATORS
from instruments.codebook import read_derived
from survey import cli
from survey.config import PREFIX, SECTIONS, TIMETABLE, settings_text
from tests.test_analysis.test_report import release

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("instruments", "analysis", "survey", "scheduler")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
LEVELS = ("error", "warning", "note")

# Codes that are no literals where the finding is made: file and expression → what it can be.
EXPANDED = {
    ("analysis/calendars.py", "f'spell.{kind}'"): ("spell.overlap", "spell.gap", "spell.teleport"),
    ("analysis/spells.py", "f'spell.{kind}'"): ("spell.overlap", "spell.gap", "spell.jump", "spell.teleport"),
    ("instruments/references.py", "code"): ("reference.broken", "reference.list"),
}
# What is said where the words come from elsewhere.
SAID = {
    "reference.broken": "There is no question …; did you mean …",
    "reference.list": "There is no list …; did you mean …",
    "form.unreadable": "Why the form cannot be read.",
    "sample.row": "What is wrong in the row, and what it must hold.",
    "source.note": "A note of the source about itself.",
    "spell.overlap": "Two periods overlap.",
    "spell.gap": "Months between two periods are told by none.",
    "spell.jump": "A gap, and the state after it is another.",
    "spell.teleport": "No gap, yet a state that was still going on is another now.",
}
# Functions that make findings for their callers: function → places of level, code and message in a call.
# The level is a place, a keyword with its default, or None where words stand in a table.
MAKERS: dict[str, tuple[Any, int, int]] = {
    "Finding": (0, 1, 3),
    "_at": ("error", 3, 4),
    "put_aside": ("error", 2, 3),
    "tell": (0, 1, 3),
    "Trouble": ("error", 2, 3),
    "Slip": (4, 2, 3),
    "Broken": ("error", 4, 5),
}
# Calls within makers themselves, whose code is a parameter; their callers are read instead.
PASSED_ON = {
    "analysis/frames_import.py": set(),
    "instruments/excel/workbook.py": {"tell"},
    "instruments/drift.py": {"Slip"},
    "instruments/lint.py": {"_at", "whole", "preloaded", "languages_agree"},
    "instruments/preloads.py": {"Trouble"},
    "instruments/references.py": {"Broken"},
    "survey/answers.py": {"put_aside"},
    "survey/checks.py": {"_finding"},
    "survey/corrections.py": {"apply"},
}
WORDS = {"survey/checks.py": "WORDS", "survey/corrections.py": "_ADVICE"}  # tables of code → words


def commands_page() -> str:
    """docs/commands.md: the help of every command as printed."""
    root = typer.main.get_command(cli.root(lambda: NOW))
    parts = [_intro("Commands", "What `--help` prints, for every command; see also `survey --help`.")]
    parts.append(
        "Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 findings at error level. Rows go to "
        "stdout, talk to stderr.\n"
    )
    for path in ((), *_paths(root)):
        parts.append(f"## survey {' '.join(path)}".rstrip() + f"\n\n```text\n{_help(path)}\n```\n")
    return "\n".join(parts)


def _paths(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in sorted(group.commands):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from _paths(command, (*above, name))
        else:
            yield (*above, name)


def _help(path: tuple[str, ...]) -> str:
    out = StringIO()
    with redirect_stdout(out):
        assert cli.run([*path, "--help"], clock=lambda: NOW) == 0
    return "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())


def settings_page() -> str:
    """docs/settings.md: every key with its meaning, default and variable."""
    words = "`survey init DIR` writes them, with these words, into `survey.toml`."
    parts = [_intro("Settings", words), ABOUT_SETTINGS]
    defaults = tomllib.loads(settings_text())
    for section, model in SECTIONS.items():
        rows = [
            (
                f"`{key}`",
                field.description,
                _shown(defaults[section][key]),
                f"`{PREFIX}{section}_{key}`".upper(),
            )
            for key, field in model.model_fields.items()
            if key != "password"
        ]
        parts.append(f"## [{section}]\n\n{inspect.getdoc(model)}\n")
        parts.append(_table(("key", "means", "default", "variable"), rows))
    parts.append(
        "## [schedule]\n\nWhen each job runs, in the time zone of the study: `hourly :MM`, `daily HH:MM`, "
        "`weekly DAY HH:MM`,\n`monthly D HH:MM`, `quarterly D HH:MM` or `off`.\n"
    )
    parts.append(_table(("job", "default"), [(f"`{job}`", f"`{when}`") for job, when in TIMETABLE.items()]))
    return "\n".join(parts)


def indicators_page() -> str:
    """docs/indicators.md: every indicator with its inputs, rule, example and source."""
    words = "Computed columns, by the functions in `analysis/indicators`."
    parts = [_intro("Indicators", words), ABOUT_INDICATORS]
    derived = {(variable.frame, variable.name): variable for variable in read_derived()}
    for name in sorted(INDICATORS):
        item = INDICATORS[name]
        rule, _, example = (inspect.getdoc(item.compute) or "").partition("Example:")
        column = derived.get((item.frame, name))
        choices = column.choices if column else ()
        values = ", ".join(f"{choice.name} {choice.label['en']}" for choice in choices) or item.unit
        facts = [
            ("rule", " ".join(rule.split())),
            ("example", " ".join(example.split())),
            ("column", f"`{item.frame}`, {item.dtype}" + ("" if column else ", on the way to others")),
            *([("values", values)] if values else []),
            ("inputs", ", ".join(f"`{one}`" for one in item.inputs)),
            ("source", item.source),
        ]
        parts.append(f"## {name}\n\n" + "\n".join(f"- *{what}:* {said}" for what, said in facts) + "\n")
    return "\n".join(parts)


def findings_page() -> str:
    """docs/findings.md: every code with its level, where it comes from and what it says."""
    rows = sorted(set(every_finding()), key=lambda row: (row[0], row[2], row[3]))
    table = [(f"`{code}`", level, f"`{file}`", said) for code, level, file, said in rows]
    words = "Every code, collected from the program; `…` stands for what is filled in."
    return "\n".join(
        [_intro("Findings", words), ABOUT_FINDINGS, _table(("code", "level", "from", "says"), table)]
    )


@cache
def every_finding() -> tuple[tuple[str, str, str, str], ...]:
    """The same as `_findings`, read once."""
    return tuple(_findings())


def _findings() -> Iterator[tuple[str, str, str, str]]:
    """Code, level, file and message of every finding the program can make."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if file in WORDS:
            yield from _worded(file, tree)
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            if function.name not in PASSED_ON.get(file, set()):
                yield from _made(file, function)


def _worded(file: str, tree: ast.Module) -> Iterator[tuple[str, str, str, str]]:
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id == WORDS[file]:
            for code, said in ast.literal_eval(node.value).items():  # type: ignore[attr-defined]
                level, text = said if isinstance(said, tuple) else ("warning", said)
                yield code, level, file, text


def _made(file: str, function: ast.FunctionDef) -> Iterator[tuple[str, str, str, str]]:
    inner = {id(n) for f in ast.walk(function) if isinstance(f, ast.FunctionDef) and f is not function
             for n in ast.walk(f)}  # fmt: skip
    for call in ast.walk(function):
        if not isinstance(call, ast.Call) or id(call) in inner:
            continue
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            continue  # a finding that was made elsewhere, read back
        maker = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if maker not in MAKERS or (maker != "Finding" and maker not in PASSED_ON.get(file, set())):
            continue
        level, code, message = MAKERS[maker]
        words = _text(call.args[message], function, call.lineno)
        for one in _codes(file, call.args[code]):
            yield one, _level(file, call, level), file, SAID.get(one, words)


def _codes(file: str, node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.Constant):
        return (str(node.value),)
    key = (file, ast.unparse(node))
    assert key in EXPANDED, f"{key}: say in EXPANDED which codes this can be"
    return EXPANDED[key]


def _level(file: str, call: ast.Call, level: Any) -> str:
    if isinstance(level, int):
        node = call.args[level]
        return str(node.value) if isinstance(node, ast.Constant) else "error or warning"
    given = [keyword.value for keyword in call.keywords if keyword.arg == "level"]
    return str(ast.literal_eval(given[0])) if given else str(level)


def _text(node: ast.expr, function: ast.FunctionDef, line: int) -> str:
    """The words of a message; a name stands for what it was last given above, anything else for `…`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [n.value if isinstance(n, ast.FormattedValue) else n for n in node.values]
        return "".join(_text(part, function, line) for part in parts)
    if isinstance(node, ast.Name):
        found = [given for given in _assigned(node.id, function) if given[0] <= line]
        return _text(found[-1][1], function, found[-1][0] - 1) if found else "…"
    return "…"


def _assigned(name: str, function: ast.FunctionDef) -> list[tuple[int, ast.expr]]:
    """The words that a name is given in a function, by line."""
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                found += [
                    (node.lineno, value)
                    for place, value in pairs
                    if isinstance(place, ast.Name)
                    and place.id == name
                    and isinstance(value, ast.Constant | ast.JoinedStr)
                ]
    return sorted(found, key=lambda pair: pair[0])


def tree_block() -> str:
    """The tree of the architecture page: every module with the first sentence it says of itself."""
    lines = ["```text"]
    for package in PACKAGES:
        lines += _branch(ROOT / package, 0)
    return "\n".join([*lines, "```", ""])


def layers_block() -> str:
    """The rooms of `survey`, low to high, as the contract in pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["name"] == "within survey, low to high")
    lines = [" · ".join(room.strip().removeprefix("survey.") for room in re.split("[|:]", layer))
             for layer in reversed(layers)]  # fmt: skip
    return "\n".join(["```text", *lines, "```", ""])


def _branch(folder: Path, depth: int) -> Iterator[str]:
    yield _leaf(f"{folder.name}/", folder / "__init__.py", depth)
    inside = sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name))
    for path in inside:
        if path.suffix == ".py" and path.name != "__init__.py":
            yield _leaf(path.name, path, depth + 1)
        elif (path / "__init__.py").exists() or next(path.rglob("*.py"), None):
            yield from _branch(path, depth + 1)


def _leaf(name: str, path: Path, depth: int) -> str:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.exists() else ""
    first = " ".join((said or "").partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[^.])\.(?:\s|$)|:$", first, maxsplit=1)[0]
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    sentence = re.sub(rf"^{stem}s?: ", "", sentence, flags=re.IGNORECASE)
    return f"{'  ' * depth}{name:<{24 - 2 * depth}}{sentence}".rstrip()


def _intro(title: str, words: str) -> str:
    how = "Made from the program by `DOCS_UPDATE=1 pytest tests/test_docs.py`; change it there."
    return f"# {title}\n\n{words}\n{how}\n"


def _shown(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


ABOUT_SETTINGS = """\
The environment wins over the file. Secrets stand in neither: set `SURVEY_CENTRAL_PASSWORD`, or name a file
elsewhere in `central.password_file`; a database address with a password goes to `SURVEY_DATABASE_URL`.
`SURVEY_SETTINGS` says which `survey.toml` (or its folder) a command takes; by default the one in the working
folder.
"""
ABOUT_INDICATORS = """\
Each rule has one worked example, which a test repeats. An input that decides a branch and is missing makes
the result missing. A source such as *indicators.md 6* is a section of the study's own specification of
indicators. All computed columns of a release, with labels in both languages, are in `instruments/derived.csv`
and in the `codebook.csv` of the release.
"""
ABOUT_FINDINGS = """\
A finding is something a rule noticed about a form or about data: level, code, where, message. It never stops
the work by itself, except that a form with errors is not published; a command that shows one at level *error*
leaves with exit code 3. Codes are stable. A correction that says *okay* to a value silences the checks of
`survey/checks.py` on it.
"""

PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "findings.md": findings_page,
    "indicators.md": indicators_page,
    "settings.md": settings_page,
}
BLOCKS: Mapping[str, Callable[[], str]] = {"layers": layers_block, "tree": tree_block}


# 1


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_program_is_not_stale(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("SURVEY_SETTINGS", raising=False)
    page = PAGES[name]()
    if os.environ.get("DOCS_UPDATE"):
        (DOCS / name).write_text(page, encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == page, "run with DOCS_UPDATE=1 and commit"


@pytest.mark.parametrize("name", BLOCKS)
def test_a_part_of_the_architecture_page_is_not_stale(name: str) -> None:
    file = DOCS / "architecture.md"
    page = file.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert len(place.findall(page)) == 1
    fresh = place.sub(lambda found: found[1] + BLOCKS[name]() + found[2], page)
    if os.environ.get("DOCS_UPDATE"):
        file.write_text(fresh, encoding="utf-8")
        page = fresh
    assert page == fresh, "run with DOCS_UPDATE=1 and commit"


def test_every_finding_has_a_known_level_and_words() -> None:
    rows = every_finding()
    assert all(set(level.split(" or ")) <= set(LEVELS) for _, level, _, _ in rows)
    assert [code for code, _, _, _ in rows if not re.fullmatch(r"[a-z]+\.[a-z_0-9]+", code)] == []


def test_every_file_that_makes_findings_is_on_the_page() -> None:
    made = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(
            r"(?<!class )\b(?:Finding|Trouble|Slip|Broken)\((?!\*)", path.read_text(encoding="utf-8")
        )
    }
    assert made == {file for _, _, file, _ in every_finding()}


# 2


def code_of(page: Path) -> Iterator[tuple[int, str]]:
    """The Python blocks of a page, each with the number of its first line."""
    text = page.read_text(encoding="utf-8")
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield text.count("\n", 0, block.start(1)), block[1]


def test_the_examples_of_the_methods_page_give_what_stands_there() -> None:
    page, names = DOCS / "methods.md", {}
    runner, said = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE), StringIO()
    for line, code in code_of(page):
        example = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line)
        runner.run(example, out=said.write, clear_globs=False)
        names = example.globs
    assert runner.tries > 20
    assert runner.failures == 0, said.getvalue()


def test_the_code_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    blocks = [code for _, code in code_of(ROOT / "README.md")]
    places = re.findall(r'Dataset\.read\("(demo-study/releases/[0-9a-f]{12})"\)', "".join(blocks))
    assert len(places) == 1
    release(people=150).write(tmp_path / places[0])
    monkeypatch.chdir(tmp_path)
    for code in blocks:
        exec(compile(code, "README.md", "exec"), {})
    assert "odds" in capsys.readouterr().out


# 3


def pages() -> list[Path]:
    """Every page for people, with those of the packages."""
    inside = [path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.md")]
    inside = [path for path in inside if "node_modules" not in path.parts]  # of npm, not ours
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")), *sorted(inside)]


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    inside = [link for link in links if not link.startswith(("http://", "https://"))]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_the_readme_names_every_page_and_every_package() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wanted = [f"docs/{path.name}" for path in DOCS.glob("*.md")] + [f"{name}/README.md" for name in PACKAGES]
    assert [name for name in wanted if f"]({name})" not in text] == []


# 4


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_names_a_place_on_a_machine(page: Path) -> None:
    assert re.findall(r"(?<![\w.])/(?:home|root|tmp|work|Users)/\S*", page.read_text(encoding="utf-8")) == []
