"""Structure: whether a corridor changes nothing but words, choice lists, places and the units of money.

`check` reads a corridor's data first (lists and questions that are not there, a code that forms decide by,
words that are missing), then holds each form as this corridor has it against the form as it was written
(`compare`). Two things beside lists and labels may differ, and only as the corridor says: the country that
is nobody's destination, and modules that are asked only with consent to sensitive questions. Anything else
is an error, so that answers of all corridors can be put into one table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from zoneinfo import available_timezones

from instruments import corridor as corridors
from instruments import places
from instruments.comparability.changes import Change
from instruments.comparability.compare import compare
from instruments.corridor import Corridor
from instruments.expand import confirms, localities
from instruments.expand.includes import shared_lists
from instruments.findings import Finding, has_errors
from instruments.instrument import Instrument, Question, forms, load

WORDS = ("language", "reworded", "recoded", "list", "unit")
GUARD = ("rerouted", "required", "sensitivity")
_CHOICE = ("list_name", "name", "missing", "times", "large")
_COMPARED = r"\$\{{{name}\}}\s*(?:=|!=|<=|>=|<|>)\s*'?(\d+)"
_SELECTED = r"selected\(\s*(?:\$\{{{name}\}}|{own})\s*,\s*'?(\d+)"

Findings = Iterator[Finding]


def check(corridor: Corridor, folder: Path | None = None) -> list[Finding]:
    """What this corridor gets wrong, in its data and in each form of `folder` (those shipped if None)."""
    base = corridors.corridor()
    written = {name: load(name, folder, corridor=base) for name in forms(folder)}
    findings = [*_settings(corridor), *_places(corridor, written.values())]
    findings += [*_lists(corridor, written.values())]
    findings += _labels(corridor, written.values()) if folder is None else []
    if has_errors(findings):
        return findings
    for name, form in written.items():
        findings += differences(form, load(name, folder, corridor=corridor), corridor)
    return findings


def differences(written: Instrument, here: Instrument, corridor: Corridor) -> Findings:
    """Changes from the form as written to the form of the corridor that no corridor may make."""
    for change in compare(written, here):
        if not _is_allowed(change, here, corridor):
            what = f"{change.kind} {change.variable}: {_short(change.before)} → {_short(change.after)}"
            message = f"{what}; a corridor changes lists and labels alone."
            yield Finding("error", "corridor.logic", f"{corridor.name}: {here.form_id}", message)


def _is_allowed(change: Change, here: Instrument, corridor: Corridor) -> bool:
    if change.kind in WORDS:
        return True
    if change.kind == "filtered":
        home = corridors.corridor().country
        return change.before.replace(f"name != {home}", f"name != {corridor.country}") == change.after
    if change.kind in GUARD and corridor.guarded:
        question = here.question(change.variable)
        module = question.module if question else _module_of(change.variable, here)
        if module not in corridor.guarded:
            return False
        gate = f"${{{localities.CONSENT}}} = 1"
        return change.kind != "rerouted" or change.after in (f"({change.before}) and {gate}", gate)
    return False


def _module_of(block: str, form: Instrument) -> str:
    return next((one.module for one in form.blocks if one.name == block), "")


def _settings(corridor: Corridor) -> Findings:
    """Languages, words for every placeholder, time zone, and the codes by which the forms know it."""
    told = f"{corridor.name}: corridor.toml"
    if corridor.default_language not in corridor.languages:
        message = f"{corridor.default_language!r} is none of its languages; add it or name one of them."
        yield Finding("error", "corridor.language", told, message)
    needed = set(corridors.corridor().words["en"])
    for language in corridor.languages:
        for word in sorted(needed - set(corridor.words.get(localities.code_of(language), {}))):
            message = f"There are no words for {{{word}}} in {language}; write them below [words.…]."
            yield Finding("error", "corridor.words", told, message)
    if corridor.time_zone not in available_timezones():
        message = f"{corridor.time_zone!r} is no time zone; write one as Asia/Manila."
        yield Finding("error", "corridor.time_zone", told, message)
    lists = localities.choices(shared_lists(), corridor)
    codes = (("corridor", corridor.code), ("country", corridor.country), ("ccy", corridor.money.choice))
    for name, code in codes:
        if code not in {row["name"] for row in lists[name]}:
            message = f"The list {name} has no code {code!r}; take one that it has."
            yield Finding("error", "corridor.code", told, message)


def _places(corridor: Corridor, written: Iterable[Instrument]) -> Findings:
    """Attached lists that take the place of another: both are there, with the columns the forms look into."""
    told, known = f"{corridor.name}: corridor.toml", places.list_files()
    attached = {file.removesuffix(".csv") for form in written for file in form.media}
    for before, after in corridor.places.items():
        if before not in attached:
            message = f"No form attaches {before}.csv; remove the line."
            yield Finding("error", "corridor.place", told, message)
        elif f"{after}.csv" not in known:
            message = f"There is no {after}.csv; put it into lists/ of the corridor."
            yield Finding("error", "corridor.place", told, message)
        else:
            lacking = _needed(before, written) - set(_header(known[f"{after}.csv"]))
            if lacking:
                message = f"{after}.csv lacks the column {', '.join(sorted(lacking))}."
                yield Finding("error", "corridor.place", told, message)


def _needed(file: str, written: Iterable[Instrument]) -> set[str]:
    filters = (q.cell("choice_filter") for form in written for q in form.questions if q.file == f"{file}.csv")
    return {"name", "label", *({"prov"} if any("prov" in text for text in filters) else ())}


def _lists(corridor: Corridor, written: Iterable[Instrument]) -> Findings:
    """Lists that take the place of a shared one: it is there, its codes are, missing codes mean the same."""
    shared = shared_lists()
    for name, rows in corridor.lists.items():
        told = f"{corridor.name}: choices.csv ({name})"
        if name not in shared:
            message = f"No shared list is called {name!r}; a corridor replaces lists, it adds none."
            yield Finding("error", "corridor.list", told, message)
            continue
        yield from _columns(told, rows, (*_CHOICE, "coin_"))
        reasons = {row["name"]: row.get("missing", "") for row in shared[name]}
        codes = {row["name"] for row in rows}
        for row in rows:
            if row.get("missing", "") != reasons.get(row["name"], row.get("missing", "")):
                message = f"Code {row['name']} is {reasons[row['name']] or 'an answer'} elsewhere; keep it."
                yield Finding("error", "corridor.missing", told, message)
        for code in sorted((_decided_by(name, written) & set(reasons)) - codes, key=int):
            message = f"Code {code} is gone, but forms decide by it; keep the code and give it other words."
            yield Finding("error", "corridor.code", told, message)
        if name == confirms.CURRENCIES:
            for row in rows:
                for column in {"times", "large"} - set(row):
                    message = f"The unit {row['name']} has no {column}; write how much that is."
                    yield Finding("error", "corridor.currency", told, message)


def _decided_by(name: str, written: Iterable[Instrument]) -> set[str]:
    """Codes of a list that conditions of the forms name."""
    found: set[str] = set()
    for form in written:
        cells = [*(one.cells for one in form.questions), *(one.cells for one in form.blocks)]
        texts = [text for one in cells for text in _conditions(one)]
        for question in (one for one in form.questions if one.list_name == name):
            found |= _codes_of(question, texts)
    return found


def _codes_of(question: Question, texts: Iterable[str]) -> set[str]:
    named = {"name": re.escape(question.name)}
    everywhere = re.compile(f"{_COMPARED.format(**named)}|{_SELECTED.format(**named, own='$^')}")
    codes = {code for text in texts for pair in everywhere.findall(text) for code in pair if code}
    own = question.cell("constraint")
    return codes | set(re.findall(r"selected\(\s*\.\s*,\s*'?(\d+)", own))


def _conditions(cells: Mapping[str, str]) -> list[str]:
    return [cells.get(column, "") for column in ("relevant", "constraint", "calculation", "choice_filter")]


def _labels(corridor: Corridor, written: Iterable[Instrument]) -> Findings:
    """Other words: for a question some form has or a choice of a shared list, and for nothing but words."""
    shared = shared_lists()
    named = {q.name for form in written for q in form.questions}
    named |= {block.name for form in written for block in form.blocks}
    for number, row in enumerate(corridor.labels, start=2):
        name, told = row.get("name", ""), f"{corridor.name}: labels.csv row {number}"
        yield from _columns(told, [row], ("list_name", "name"))
        if "list_name" not in row and name not in named:
            message = f"No form has a question or group {name!r}; mend the name or remove the row."
            yield Finding("error", "corridor.label", told, message)
        if "list_name" in row and name not in {one["name"] for one in shared.get(row["list_name"], [])}:
            message = f"The shared list {row['list_name']} has no code {name!r}; mend it or remove the row."
            yield Finding("error", "corridor.label", told, message)


def _columns(told: str, rows: Iterable[Mapping[str, str]], known: tuple[str, ...]) -> Findings:
    columns = dict.fromkeys(column for row in rows for column in row)
    for column in columns:
        coin = "coin_" in known and column.startswith("coin_")
        if column not in known and not coin and not localities.is_translated(column):
            message = f"A corridor cannot set {column}; only words, and for a list its codes, are its own."
            yield Finding("error", "corridor.column", told, message)


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as stream:
        return stream.readline().strip().split(",")


def _short(text: str) -> str:
    plain = " ".join(text.split()) or "–"
    return plain if len(plain) <= 60 else f"{plain[:59]}…"
