"""Exchange: the sheet a translator fills, out and in again.

`sheet` lays texts out with source, context, translation and state; `take_in` reads a filled sheet against the
texts as they are now and says what would change, row by row. Refused is what would break a form (braces that
are missing, Burmese in Zawgyi, a state nobody knows); the other rows stand. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from instruments import sheets as sheet_io
from instruments.findings import Finding
from instruments.sheets import Row, Table
from instruments.translation.records import STALE, STATES, Record, digest, state_of
from instruments.translation.texts import Key, Text
from instruments.translation.writing import changed_placeholders, composed, is_zawgyi

KEYS = ("place", "sheet", "row", "column")
REVIEW = ("state", "back_translation", "translator", "date", "comment")
COLUMNS = (*KEYS, "context", "source", "translation", *REVIEW)
WIDTHS = {"place": 18, "sheet": 9, "row": 20, "column": 12, "context": 28, "source": 52, "translation": 52,
          "state": 15, "back_translation": 40, "translator": 16, "date": 12, "comment": 30}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """One translation that changes, or its state."""

    text: Text
    translation: str
    record: Record
    before: str


@dataclass(slots=True)
class Taken:
    """What a sheet changes, and what was noticed on the way."""

    edits: list[Edit] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def translations(self) -> dict[Key, str]:
        """The texts to write."""
        changed = (edit for edit in self.edits if edit.translation != edit.text.translation)
        return {edit.text.key: edit.translation for edit in changed}

    @property
    def records(self) -> dict[Key, Record]:
        """The records to keep."""
        return {edit.text.key: edit.record for edit in self.edits}


def sheet(texts: Iterable[Text], records: Mapping[Key, Record]) -> Table:
    """The sheet of one language: a row per text, empty where it is still to be translated."""
    rows = []
    for text in texts:
        record = records.get(text.key)
        kept = {name: getattr(record, name) for name in REVIEW} if record else {}
        told = {"context": text.context, "source": text.source, "translation": text.translation}
        state = state_of(text, records)
        rows.append(dict(zip(KEYS, text.key, strict=True)) | told | kept | {"state": state})
    return sheet_io.table(rows, COLUMNS)


def take_in(
    table: Table,
    texts: Iterable[Text],
    records: Mapping[Key, Record],
    language: str,
    name: str = "sheet",
    owns: Callable[[str], bool] = lambda place: True,
) -> Taken:
    """What a filled sheet changes; texts of a place that is not ours to write (`owns`) are refused.

    Raises
    ------
    ValueError
        A column is missing, so it is no sheet of this kind.
    """
    missing = [column for column in (*KEYS, "source", "translation", "state") if column not in table[0]]
    if missing:
        raise ValueError(f"{name} has no column {missing[0]!r}; begin with a sheet that was exported.")
    known = {text.key: text for text in texts}
    taken = Taken()
    seen: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(sheet_io.rows(table), start=2):
        key = tuple(row.get(column, "") for column in KEYS)
        where = f"{name}: row {number} ({row.get('row', '')}), column translation"
        if key in seen:
            message = f"The text stands in row {seen[key]} too; leave one of them."
            taken.findings.append(Finding("error", "translation.twice", where, message))
        elif key not in known:
            taken.findings.append(_unknown(where, key in records, row))
        else:
            found, edit = _row(known[key], row, records.get(key), where, language)
            taken.findings += found
            if edit is None:
                pass
            elif edit.translation == edit.text.translation or owns(edit.text.place):
                taken.edits.append(edit)
            else:
                taken.findings.append(_shared(where, edit.text.place))
        seen[key] = number
    return taken


def states(texts: Iterable[Text], records: Mapping[Key, Record]) -> dict[str, int]:
    """How many texts are in each state, `missing` where there is no translation."""
    counts = dict.fromkeys(("missing", *STATES, STALE), 0)
    for text in texts:
        counts[state_of(text, records) or "missing"] += 1
    return counts


def _unknown(where: str, was_there: bool, row: Row) -> Finding:
    what = "is no longer in the forms; its record is kept" if was_there else "is in no form, module or list"
    message = (
        f"The text {what}. Its translation stays in this sheet only: {row.get('translation', '')[:60]!r}."
    )
    return Finding("warning", "translation.gone", where, message)


def _shared(where: str, place: str) -> Finding:
    message = (
        f"The text stands in {place}, which all studies share; send the sheet to whoever keeps the package, "
        "or change the text in the study's own form."
    )
    return Finding("error", "translation.shared", where, message)


def _row(
    text: Text, row: Row, record: Record | None, where: str, language: str
) -> tuple[list[Finding], Edit | None]:
    """What one row changes; nothing if it is refused or says what is there already."""
    said = _edged(composed(row.get("translation", "")), text.source)
    state = row.get("state", "").strip().lower()
    if not said.strip("- "):
        if text.translation:
            message = "The cell is empty; the translation that is there stays."
            return [Finding("warning", "translation.emptied", where, message)], None
        return [], None
    if refused := list(_refused(text, said, state, row, where, language)):
        return refused, None
    made_from = composed(row.get("source", ""))
    if state == STALE:
        if composed(said) == composed(text.translation):
            return [], None
        state = "draft"
    kept = {name: row.get(name, "").strip() for name in REVIEW} | {"state": state or "draft"}
    made = Record(*text.key, source=digest(made_from), text=digest(said), **kept)
    if made == record:
        return [], None
    findings = []
    if made_from != composed(text.source):
        message = f"It was made from another text; now it reads {text.source[:80]!r}. Translate it again."
        findings.append(Finding("warning", "translation.stale", where, message))
    return findings, Edit(text, said, made, record.state if record else "")


def _edged(said: str, source: str) -> str:
    """The translation with the blanks around it that the source has: “, ” joins words in any language."""
    if not said:
        return said
    lead = source[: len(source) - len(source.lstrip())]
    return f"{lead}{said}{source[len(source.rstrip()) :]}"


def _refused(text: Text, said: str, state: str, row: Row, where: str, language: str) -> Iterator[Finding]:
    if state not in ("", STALE, *STATES):
        at = where.replace("column translation", "column state")
        message = f"There is no state {state!r}; write {', '.join(STATES)}."
        yield Finding("error", "translation.state", at, message)
    if state == "back-translated" and not row.get("back_translation", "").strip():
        at = where.replace("column translation", "column back_translation")
        message = "A back-translated text has its back-translation; write it down."
        yield Finding("error", "translation.state", at, message)
    if other := changed_placeholders(text.source, said):
        message = f"{', '.join(other)} stands in one of the two texts only; keep what is in braces as it is."
        yield Finding("error", "translation.placeholder", where, message)
    if language == "my" and is_zawgyi(said):
        message = "It is written in Zawgyi; convert it to Unicode (Myanmar3, Padauk) and send it again."
        yield Finding("error", "translation.zawgyi", where, message)
