"""Dependent interviewing: an earlier answer read back, confirmed, and asked anew where it is so no longer.

A cell `codebook::preload` says after the mode from which property of the panel list a question, or a group
of them, starts: `proactive from last_job`, with a wording of its own `proactive from job: last_job`, with the
name of the preload too `proactive from job: pl_job = last_job`. The rows of the module `dependent_job`
(`dependent_fact` if none is named) are written around it. In such a module a row of mode `preload` goes below
the question that chooses the person, a row `question` marks where the question stands and what is added to
its routing, a row `again` asks the same once more. The screen that reads back carries `codebook::preloaded`
and, as `codebook::wrong`, the code for what was wrong; the correction carries `codebook::corrects`. What is
asked independently is left as it stands here, and refused by lint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from instruments.expressions import parts_of
from instruments.sheets import Placed, Row

MODE = "codebook::preload"
ABOUT = "codebook::preloaded"
KIND = "fact"
MODES = ("proactive", "dependent")
MADE = "(its preload)"  # ends the place of a row made here

_SAID = re.compile(
    r"(?P<mode>\w+)\s+from\s+"
    r"(?:(?P<kind>[a-z_]+):\s*)?(?:(?P<name>[a-z][a-z0-9_]*)\s*=\s*)?(?P<source>\S.*)"
)
_PROPERTY = re.compile(r"[a-z][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(
    r"(?<!\$)\{(name|stem|preload|from|told|when|label|type|unit|missing|sensitivity|source)\}"
)
_READABLE = ("select_one", "integer", "decimal", "text", "date")
_OWN = (
    "label",
    "hint",
    "required_message",
    "save_to",
    "relevant",
    "codebook::confirm",
    "codebook::back_check",
)


@dataclass(frozen=True, slots=True)
class _Start:
    """What one question starts from: mode, wording, name of the preload, expression that reads it."""

    mode: str
    kind: str
    name: str
    reading: str

    @property
    def stem(self) -> str:
        return self.name.removeprefix("pl_")


def is_annotated(row: Row) -> bool:
    """Whether rows are to be written around this one."""
    mode, _, rest = row.get(MODE, "").partition(" ")
    return bool(rest) and mode in MODES


def written(survey: Placed, modules: Mapping[str, Sequence[Row]]) -> Placed:
    """The survey sheet with preload, confirming screen, correction and outcome of each annotated question.

    Parameters
    ----------
    survey
        Rows with where they were written.
    modules
        Rows of the modules `dependent_…` by name, in the languages of the form.

    Raises
    ------
    ValueError
        The cell cannot be read, there is no such wording, nobody is chosen from a panel list before, or the
        question is of a kind that cannot be read back; the message says where.
    """
    rows: Placed = []
    chooser, below, depth = "", 0, 0
    for place, row in survey:
        kind = row.get("type", "").replace("_", " ").split(" or ")[0]
        depth += {"begin repeat": 1, "end repeat": -1}.get(kind, 0)
        if not is_annotated(row):
            rows.append((place, row))
            if _chooses(row):
                chooser, below = _reading_of(row), len(rows)
            continue
        if depth:
            raise ValueError(
                f"{place}: {row.get('name')} stands in a repeat; only one answer can be preloaded."
            )
        start = _start(place, row, chooser)
        template = modules.get(f"dependent_{start.kind}")
        if template is None:
            known = ", ".join(sorted(name.removeprefix("dependent_") for name in modules))
            raise ValueError(f"{place}: there is no wording {start.kind!r}; there are {known}.")
        preloads, around = _around(place, row, start, template)
        if below:
            rows[below:below] = preloads
            below += len(preloads)
        else:
            rows += preloads
        rows += around
    return rows


def _chooses(row: Row) -> bool:
    """Whether the row chooses a person from an entity list."""
    return row.get("codebook::list") == "entity" and row.get("type", "").startswith("select_one_from_file")


def _reading_of(row: Row) -> str:
    """The expression that reads a property of the person chosen, without the property."""
    file = row["type"].split()[1].removesuffix(".csv")
    return f"instance('{file}')/root/item[name = ${{{row.get('name', '')}}}]/"


def _start(place: str, row: Row, chooser: str) -> _Start:
    said = _SAID.fullmatch(row[MODE].strip())
    if said is None:
        raise ValueError(f"{place}: write {MODE} as proactive from last_job, or from job: pl_job = last_job.")
    source = said["source"]
    if _PROPERTY.fullmatch(source):
        if not chooser:
            message = "nobody is chosen from a panel list before; it has to come after that question"
            raise ValueError(f"{place}: {row.get('name')} starts from {source}, but {message}.")
        source = chooser + source
    elif "instance(" not in source:
        raise ValueError(f"{place}: {source!r} is neither a property nor an expression with instance(…).")
    return _Start(said["mode"], said["kind"] or KIND, said["name"] or f"pl_{row.get('name', '')}", source)


def _around(place: str, row: Row, start: _Start, template: Sequence[Row]) -> tuple[Placed, Placed]:
    """The preload, and the question with the rows around it."""
    names = {"stem": start.stem, "name": row.get("name", ""), "preload": start.name}
    made = {_filled(each.get("name", ""), names) for each in template if each.get("type") != "question"}
    fills = _fills(place, row, start, template, made)
    preloads: Placed = []
    around: Placed = []
    for each in template:
        cells = _cells(each, row, fills)
        if each.get("type") == "question":
            around.append(
                (place, _routed(row, cells.get("relevant", ""), made) | {MODE: start.mode, ABOUT: start.name})
            )
        elif each.get(MODE) == "preload":
            preloads.append((f"{place} {MADE}", cells))
        else:
            around.append((f"{place} {MADE}", cells))
    return preloads, around


def _fills(
    place: str, row: Row, start: _Start, template: Sequence[Row], made: Iterable[str]
) -> Mapping[str, str]:
    kind = row.get("codebook::type") or row.get("type", "")
    held = next((each.get("codebook::type", "") for each in template if each.get(MODE) == "preload"), "")
    held = _filled(held, {"type": kind})
    if held.split(" ")[0] not in _READABLE:
        message = f"a question {kind!r} cannot be read back; there are {', '.join(_READABLE)}"
        raise ValueError(f"{place}: {message}.")
    asked = _apart(row.get("relevant", ""), made)
    there = f"${{{start.name}}} != ''"
    return {
        "name": row.get("name", ""),
        "stem": start.stem,
        "preload": start.name,
        "from": start.reading,
        "told": f"${{{start.name}:words}}" if held.startswith("select_one") else f"${{{start.name}}}",
        "when": f"{asked} and {there}" if asked else there,
        "type": kind,
        "unit": row.get("codebook::unit", ""),
        "missing": row.get("codebook::missing", ""),
        "sensitivity": row.get("codebook::sensitivity", ""),
        "source": row.get("codebook::source", ""),
    }


def _apart(condition: str, made: Iterable[str]) -> str:
    """Who is asked at all: the condition without its parts about the rows made here."""
    names = [f"${{{name}}}" for name in made]
    if not any(name in condition for name in names):
        return f"({condition})" if " or " in condition else condition
    kept = [part for part in parts_of(condition) if not any(name in part for name in names)]
    return " and ".join(f"({part})" if " or " in part else part for part in kept)


def _cells(each: Row, row: Row, fills: Mapping[str, str]) -> Row:
    """One row of the wording as it stands in the form; `again` takes over what the question says."""
    cells = {
        column: _filled(text, {**fills, "label": _same_language(row, column)})
        for column, text in each.items()
    }
    if each.get("type") == "again":
        own = {c: cell for c, cell in row.items() if c.partition("::")[0] not in _OWN and c not in _OWN}
        cells = {**own, **cells, "type": row["type"]}
        cells.pop(MODE, None)
    return {column: cell for column, cell in cells.items() if cell}


def _same_language(row: Row, column: str) -> str:
    """The question's label in the language of a column."""
    return row.get(f"label::{column.partition('::')[2]}", row.get("label", ""))


def _routed(row: Row, added: str, made: Iterable[str]) -> Row:
    """The question, asked where the screen sends it; as it stands where its author has said that."""
    condition = row.get("relevant", "")
    cells = dict(row)
    if added and not any(f"${{{name}}}" in condition for name in made):
        cells["relevant"] = f"({condition}) and {added}" if condition else added
    return cells


def _filled(text: str, fills: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: fills.get(found[1], found[0]), text)
