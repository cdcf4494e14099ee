"""Texts: every sentence of forms, modules and lists that is translated, with the cell it is written in.

A text is known by place (`modules/plans`, `forms/rm_exit`, `corridors/id-jp`, `modules`, `phrases`), sheet,
row and column, never by its row number. Those of a corridor are asked for in the corridor's languages only.
The source is English; `all_texts` reads, `put` writes translations back into the same CSV files, where a
language gets a column of its own. Nothing here knows of states (`records`) or of the sheets that go out
(`exchange`).
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.codebook import languages_of
from instruments.expand.includes import MODULES
from instruments.instrument import FORMS
from instruments.languages import column_name
from instruments.readable.phrases import FOLDER as PHRASES
from instruments.sheets import Row, Table

SOURCE = "en"
FIELDS = ("label", "hint", "guidance_hint", "constraint_message", "required_message")
SETTINGS = "codebook::title"
SPOKEN = "coin"  # columns of the list of currencies: `coin_en`, `coin_vi`
MARKS = ("include", "fill", "change")


@dataclass(frozen=True, slots=True)
class Library:
    """The folders that texts are written in, and the one that keeps what is known of translations."""

    forms: Path = FORMS
    modules: Path = MODULES
    phrases: Path = PHRASES

    @property
    def corridors(self) -> Path:
        """Beside the modules."""
        return self.modules.parent / "corridors"

    @property
    def records(self) -> Path:
        """Beside the forms."""
        return self.forms.parent / "translations"

    def owns(self, place: str) -> bool:
        """Whether texts of this place are written here; modules are not a study's own, only its forms."""
        return place.startswith("forms/") or self.modules.parent == self.forms.parent


@dataclass(frozen=True, slots=True)
class Text:
    """One text: where it is written, what it says in English and in the language asked for."""

    place: str
    sheet: str
    row: str
    column: str
    number: int
    source: str
    translation: str
    context: str = ""

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.place, self.sheet, self.row, self.column


Key = tuple[str, str, str, str]


def all_texts(language: str, library: Library | None = None) -> tuple[Text, ...]:
    """Every text there is, in the order of the files, with its translation into `language` ("" if none)."""
    return _texts(language, library or Library(), _stamp(library or Library(), language))


def heading(language: str, library: Library | None = None) -> str:
    """The language as the headings of its columns name it: as they do already, else by its own name."""
    for path in _files(library or Library(), language).values():
        header = (sheet_io.read_csv(path) or [[]])[0]
        for field in (*FIELDS, SETTINGS):
            if found := languages_of(header, field).get(language):
                return found.rpartition("::")[2]
    return column_name(language)


def put(
    changes: Mapping[Key, str], language: str, library: Library | None = None, named: str = ""
) -> list[Path]:
    """Write translations into the files their texts stand in; the files that were written.

    `named` heads the columns of a language that has none yet, as `Deutsch (de)`.
    """
    library = library or Library()
    own = heading(language, library)
    named = named if named and own == column_name(language) else own
    written = []
    for (place, sheet), path in _files(library, language).items():
        wanted = {key: text for key, text in changes.items() if key[:2] == (place, sheet)}
        if wanted and place != "phrases":
            table = sheet_io.read_csv(path)
            sheet_io.write_csv(_with(table, place, sheet, wanted, language, named), path)
            written.append(path)
    phrases = {key[2]: text for key, text in changes.items() if key[0] == "phrases"}
    if phrases:
        written.append(_put_phrases(phrases, language, library))
    return written


def lists_of(path: Path) -> set[str]:
    """The choice lists that the rows of one survey sheet use."""
    rows = sheet_io.rows(sheet_io.read_csv(path))
    said = (row.get(name, "").split() for row in rows for name in ("type", "codebook::type"))
    return {words[1] for words in said if len(words) > 1 and words[0].startswith(("select_", "rank"))}


def _texts_of(place: str, sheet: str, table: Table, language: str) -> Iterator[Text]:
    """The texts of one file."""
    columns = list(_columns(sheet, table[0], language))
    for number, name, row in _named(sheet, table):
        for column, source, target in columns:
            if row.get(source, "").strip("- \n"):
                said = unicodedata.normalize("NFC", row.get(target, ""))
                told = unicodedata.normalize("NFC", row[source])
                yield Text(place, sheet, name, column, number, told, said if said.strip("- ") else "")


def _columns(sheet: str, header: Sequence[str], language: str) -> Iterator[tuple[str, str, str]]:
    """Field, column of the source and column of the language ("" if there is none yet)."""
    for field in FIELDS if sheet != "settings" else (SETTINGS,):
        columns = languages_of(header, field)
        source = columns.get(SOURCE, "form_title" if sheet == "settings" else "")
        if source:
            yield field, source, columns.get(language, "")
    if f"{SPOKEN}_{SOURCE}" in header:
        yield SPOKEN, f"{SPOKEN}_{SOURCE}", f"{SPOKEN}_{language}"


def _named(sheet: str, table: Table) -> Iterator[tuple[int, str, Row]]:
    """The rows by their number and what they are known by; a second of the same name is numbered."""
    seen: dict[str, int] = {}
    include = ""
    for number, row in enumerate(sheet_io.rows(table), start=2):
        kind, name = row.get("type", "").split(" ")[0], row.get("name", "")
        if sheet in ("choices", "labels"):
            name = f"{row.get('list_name', '')} {name}".strip()
        elif sheet == "settings":
            name = "title"
        elif kind in MARKS:
            include = name if kind == "include" else include
            name = f"{include} {kind} {name}"
        seen[name] = seen.get(name, 0) + 1
        yield number, name if seen[name] == 1 else f"{name} ({seen[name]})", row


def _with(
    table: Table, place: str, sheet: str, wanted: Mapping[Key, str], language: str, named: str
) -> Table:
    """The table with these translations in it; a new column stands behind the others of its field."""
    header, rows = list(table[0]), [list(row) for row in table[1:]]
    targets = {field: target for field, _, target in _columns(sheet, header, language)}
    for field in dict.fromkeys(key[3] for key in wanted):
        if targets[field] in header:
            continue
        target = f"{SPOKEN}_{language}" if field == SPOKEN else f"{field}::{named}"
        alike = [at for at, column in enumerate(header) if column.startswith((f"{field}::", f"{SPOKEN}_"))
                 and column.startswith(SPOKEN) == (field == SPOKEN)]  # fmt: skip
        at = max(alike, default=len(header) - 1) + 1
        header.insert(at, target)
        for row in rows:
            row.insert(at, "")
        targets[field] = target
    for number, name, _ in _named(sheet, table):
        for field, target in targets.items():
            if (key := (place, sheet, name, field)) in wanted:
                rows[number - 2][header.index(target)] = wanted[key]
    return [header, *rows]


def _put_phrases(phrases: Mapping[str, str], language: str, library: Library) -> Path:
    path = library.phrases / f"{language}.csv"
    known = {row["key"]: row.get("text", "") for row in _phrases(path)} | dict(phrases)
    keys = [row["key"] for row in _phrases(library.phrases / f"{SOURCE}.csv")]
    rows = [["key", "text"], *([key, known[key]] for key in keys if known.get(key))]
    sheet_io.write_csv(rows, path)
    return path


def _phrases(path: Path) -> list[Row]:
    return sheet_io.rows(sheet_io.read_csv(path)) if path.is_file() else []


def _files(library: Library, language: str) -> dict[tuple[str, str], Path]:
    """Place and sheet of every file that holds texts, in order."""
    found: dict[tuple[str, str], Path] = {}
    for folder, name in ((library.forms, "forms"), (library.modules, "modules")):
        for path in sorted(folder.glob("*/*.csv")):
            if path.stem in ("survey", "choices") or (path.stem == "settings" and name == "forms"):
                found[f"{name}/{path.parent.name}", path.stem] = path
    for sheet in ("choices", "computed"):
        if (library.modules / f"{sheet}.csv").is_file():
            found["modules", sheet] = library.modules / f"{sheet}.csv"
    for folder in _corridors(library.corridors, language):
        for path in (folder / "choices.csv", folder / "labels.csv"):
            if path.is_file():
                found[f"corridors/{folder.name}", path.stem] = path
    return found


@cache
def _corridors(folder: Path, language: str) -> tuple[Path, ...]:
    """The corridors that are asked in a language."""
    told = {
        path: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/corridor.toml"))
    }
    spoken = {path.parent: " ".join(one.get("languages", ())) for path, one in told.items()}
    return tuple(path for path, names in spoken.items() if f"({language})" in names)


def _stamp(library: Library, language: str) -> tuple[tuple[str, int, int], ...]:
    """What tells that a file has changed since it was read."""
    paths = [*_files(library, language).values(), *sorted(library.phrases.glob("*.csv"))]
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)


@cache
def _texts(language: str, library: Library, stamp: tuple[tuple[str, int, int], ...]) -> tuple[Text, ...]:
    tables = {key: sheet_io.read_csv(path) for key, path in _files(library, language).items()}
    used = _usage(tables)
    found = []
    for (place, sheet), table in tables.items():
        rows = sheet_io.rows(table)
        for text in _texts_of(place, sheet, table, language) if table else ():
            found.append(_in_context(text, rows[text.number - 2], used))
    known = {row["key"]: row.get("text", "") for row in _phrases(library.phrases / f"{language}.csv")}
    for number, row in enumerate(_phrases(library.phrases / f"{SOURCE}.csv"), start=2):
        said = known.get(row["key"], "")
        told = "printed questionnaire; braces stay as they are"
        found.append(Text("phrases", "phrases", row["key"], "text", number, row.get("text", ""), said, told))
    return tuple(found)


def _usage(tables: Mapping[tuple[str, str], Table]) -> dict[str, list[str]]:
    """Module or list → where it is used."""
    used: dict[str, list[str]] = {}
    for (place, sheet), table in tables.items():
        for row in sheet_io.rows(table) if sheet == "survey" else ():
            kind, _, rest = row.get("type", "").partition(" ")
            if kind == "include":
                used.setdefault(f"modules/{row.get('name', '')}", []).append(place.removeprefix("forms/"))
            elif kind.startswith(("select", "rank")) and rest:
                used.setdefault(f"list {rest.split()[0]}", []).append(row.get("name", ""))
    return used


def _in_context(text: Text, row: Row, used: Mapping[str, list[str]]) -> Text:
    """The text with what a translator has to know of it."""
    if text.sheet == "choices" or row.get("list_name"):
        asked = ", ".join(used.get(f"list {row.get('list_name', '')}", ())[:4])
        told = f"answer to {asked}" if asked else "answer"
    elif text.sheet == "computed":
        told = "name of a value, inside a sentence"
    elif text.sheet == "settings":
        told = "title of the form"
    elif text.sheet == "labels":
        told = "question, worded for this corridor"
    else:
        kind = row.get("type", "").split(" ")[0]
        where = ", ".join(used.get(text.place, [text.place.removeprefix("forms/")]))
        told = f"{_KINDS.get(text.column, _ROWS.get(kind, kind))}; in {where}"
    return Text(*text.key, text.number, text.source, text.translation, told)


_KINDS = {
    "hint": "instruction to the interviewer",
    "guidance_hint": "instruction for training",
    "constraint_message": "message when an answer is not accepted",
    "required_message": "message when an answer is missing",
}
_ROWS = {
    "begin_group": "heading",
    "begin_repeat": "heading of repeated questions",
    "note": "text that is shown or read out",
    "fill": "words put into questions of the module",
    "change": "question, worded for this form",
    "spell": "words for billion, million and thousand, in this order",
    "select_one": "question with one answer",
    "select_multiple": "question with several answers",
    "integer": "question for a number",
    "decimal": "question for a number",
    "text": "question answered in words",
}


def selected(texts: Iterable[Text], places: Iterable[str], lists: Iterable[str]) -> list[Text]:
    """The texts of these places, and of these shared lists."""
    wanted, names = set(places), set(lists)
    return [
        text
        for text in texts
        if text.place in wanted
        or (text.place == "modules" and text.sheet == "choices" and text.row.partition(" ")[0] in names)
    ]
