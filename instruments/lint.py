"""Lint: faults of a form that pyxform and ODK Validate let pass, said to the person who edits the form.

Each rule is a function from an instrument to findings and stands in `RULES`; a new rule is a new line
there. `lint` looks at one form, `lint_together` at names that several forms share. Places are given as an
editor sees them (sheet, row, name, column), messages say what to do. Nothing is raised and nothing is
changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

from instruments import drift, preloads, references
from instruments import sheets as sheet_io
from instruments.codebook import REASONS, SENSITIVITIES, TYPES, languages_of
from instruments.findings import Finding
from instruments.instrument import FORMS, REFERENCE, Block, Instrument, Question
from instruments.translation.stale import stale

MAX_NAME, MAX_NAME_MULTIPLE = 32, 28
CONSENT = "con_sens"
KEPT = 64  # forms whose findings are kept in memory
KEYS = ("case_id", "returnee", "panel_id")
LISTS = ("entity", "package", "study")
TRANSLATED = ("label", "hint", "constraint_message", "required_message")

STATA = "_all _b byte _coef _cons double float if in int long _n _pi _pred _rc _skip strl using with"
SPSS = "all and by eq ge gt le lt ne not or to with"
RESERVED = frozenset(f"{STATA} {SPSS}".split())

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CLOCK = re.compile(r"\b(today|now|uuid)\(")
_ONCE_UUID = re.compile(r"once\(\s*uuid\(\s*\)\s*\)")
_STAND_IN = re.compile(r"\[.*\]")
_PREDICATE = re.compile(r"\[[^\]]*\]")
_ADMITTED = re.compile(r"\.\s*=\s*'?(-98|-99|9998)\b")
_MISSING_CHOICES = ("98", "99", "998", "999")
_LOOKS_IDENTIFYING = re.compile(
    r"\b(phone|telephone|full name|your name|contact person|address|e-?mail|passport|identity card"
    r"|facebook|zalo)\b",
    re.IGNORECASE,
)
_OPEN = ("text", "integer", "barcode", "phonenumber", "email")
_SILENT = frozenset(
    {
        *("calculate", "hidden", "start", "end", "today", "deviceid", "username", "phonenumber", "email"),
        *("audit", "csv-external", "xml-external", "start-geopoint", "background-audio"),
    }
)

Findings = Iterator[Finding]
_KNOWN: dict[Hashable, list[Finding]] = {}


def lint(instrument: Instrument) -> list[Finding]:
    """What is wrong with this form, rule by rule, in the order of its rows."""
    return [finding for rule in RULES for finding in rule(instrument)]


def lint_again(instrument: Instrument) -> Sequence[Finding]:
    """The same for a service that asks every day: worked out anew only when text or translations changed."""
    folder = (instrument.home or FORMS).parent / "translations"
    stamps = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.csv")))
    told = instrument.places.get("survey", ()), tuple(instrument.awaited.items())
    key = (instrument.digest, *told, stamps)
    if key not in _KNOWN:
        if len(_KNOWN) >= KEPT:
            _KNOWN.clear()
        _KNOWN[key] = lint(instrument)
    return _KNOWN[key]


def lint_together(instruments: Iterable[Instrument]) -> list[Finding]:
    """Names that mean different things in different forms: another type, list or unit; other choices."""
    first: dict[str, tuple[Instrument, Question]] = {}
    lists: dict[str, Instrument] = {}
    findings: list[Finding] = []
    for instrument in instruments:
        findings += _other_choices(instrument, lists)
        for question in _stored(instrument):
            known, other = first.setdefault(question.name, (instrument, question))
            if known is not instrument:
                findings += _differences(instrument, question, known, other)
    return findings


def translations(instrument: Instrument) -> Findings:
    """A text there in one language must be there in all; pyxform would show "-" on the tablet."""
    for sheet in ("survey", "choices"):
        table = instrument.sheets.get(sheet) or [[]]
        columns = {field: languages_of(table[0], field) for field in TRANSLATED}
        for row, cells in enumerate(sheet_io.rows(table), start=2):
            for field, languages in columns.items():
                yield from _untranslated(instrument, sheet, row, cells, field, languages)


def awaited(instrument: Instrument) -> Findings:
    """A language of the corridor in which the form does not come yet; until then it comes without."""
    for language, (missing, texts) in instrument.awaited.items():
        message = f"{missing} of {texts} texts are not translated; the form comes without it until all are."
        where = f"{instrument.form_id}: {language}"
        yield Finding("note", "translation.awaited", where, message)


def labels(instrument: Instrument) -> Findings:
    """A question people see needs words."""
    for question in instrument.questions:
        silent = question.kind in _SILENT or question.cell("calculation")
        if not silent and not any(key.partition("::")[0] == "label" for key in question.cells):
            yield _at(instrument, question, "label", "label.missing", "It has no label; write what is asked.")


def placeholders(instrument: Instrument) -> Findings:
    """A text in square brackets stands in for wording that has still to be loaded; nobody may read it out."""
    for question in instrument.questions:
        for column, text in question.cells.items():
            if column.partition("::")[0] in TRANSLATED and _STAND_IN.fullmatch(text):
                message = "The wording is not there yet; load the official one in its place."
                yield _at(instrument, question, column, "label.placeholder", message)


def names(instrument: Instrument) -> Findings:
    """Names that statistical software can hold, each used once."""
    seen: dict[str, int] = {}
    for item in _rows(instrument):
        name = item.name
        limit = MAX_NAME_MULTIPLE if item.kind.startswith("select_multiple") else MAX_NAME
        if not _NAME.fullmatch(name):
            message = (
                f"{name!r} is no name: begin with a letter, go on with lower-case letters, digits and _."
            )
            yield _at(instrument, item, "name", "name.pattern", message)
        if len(name) > limit:
            message = f"The name has {len(name)} characters; {limit} is the limit, shorten it."
            yield _at(instrument, item, "name", "name.too_long", message)
        if name.lower() in RESERVED or re.fullmatch(r"str\d+", name.lower()):
            message = f"{name!r} is a reserved word of Stata or SPSS; choose another name."
            yield _at(instrument, item, "name", "name.reserved", message)
        if name in seen:
            message = f"{name!r} is already the name of row {seen[name]}; a column can have only one meaning."
            yield _at(instrument, item, "name", "name.repeated", message)
        seen.setdefault(name, item.row)


def missing_codes(instrument: Instrument) -> Findings:
    """Every code for "do not know" and "no answer" has its reason, and sensitive questions have a way out."""
    for row, cells in enumerate(sheet_io.rows(instrument.sheets.get("choices", [])), start=2):
        reason = cells.get("missing", "")
        if (cells.get("name") in _MISSING_CHOICES and not reason) or (reason and reason not in REASONS):
            place = f"{instrument.form_id}: {instrument.place('choices', row)}"
            where = f"{place} ({cells.get('list_name')}), column missing"
            message = f"Code {cells.get('name')} needs its reason: {', '.join(REASONS)}."
            yield Finding("error", "missing.reason", where, message)
    variables = {variable.name: variable for variable in instrument.variables}
    for question in _stored(instrument):
        told = variables[question.name].missing
        yield from _number_codes(instrument, question, told)
        must = question.sensitivity == "sensitive" and question.cell("required") == "yes"
        if must and question.kind != "calculate" and "refused" not in told.values():
            message = "It is sensitive and required but cannot be refused; give it a code for no answer."
            yield _at(instrument, question, "type", "missing.refusal", message)


def identifiers(instrument: Instrument) -> Findings:
    """What can identify a person is flagged, and stays so in what is computed from it."""
    flagged = {variable.name for variable in instrument.variables if variable.is_identifying}
    for question in _stored(instrument):
        column = "codebook::sensitivity"
        words = " ".join(text for key, text in question.cells.items() if key.startswith("label"))
        if question.kind in _OPEN and _LOOKS_IDENTIFYING.search(f"{words} {question.name.replace('_', ' ')}"):
            if question.sensitivity != "identifying":
                message = "It looks like a direct identifier; write identifying, or word it otherwise."
                yield _at(instrument, question, column, "identifier.unflagged", message)
        elif question.kind == "text" and not question.sensitivity:
            message = "Words written freely may name people; write free_text or identifying."
            yield _at(instrument, question, column, "identifier.free_text", message)
        used = set(REFERENCE.findall(_PREDICATE.sub("", question.cell("calculation")))) & flagged
        if used and question.name not in flagged:
            message = f"It is computed from {', '.join(sorted(used))}, which may identify; flag it alike."
            yield _at(instrument, question, column, "identifier.derived", message)


def consent(instrument: Instrument) -> Findings:
    """A sensitive question is asked only of those who agreed to such questions."""
    if instrument.question(CONSENT) is None:
        return
    blocks = {block.name: block for block in instrument.blocks}
    for question in instrument.questions:
        around = [blocks[name].cells.get("relevant", "") for name in question.groups]
        gates = " ".join((question.cell("relevant"), *around))
        if question.sensitivity == "sensitive" and f"${{{CONSENT}}}" not in gates:
            message = f"It is sensitive but asked without consent; add ${{{CONSENT}}} = 1."
            yield _at(instrument, question, "relevant", "consent.ungated", message)


def keys(instrument: Instrument) -> Findings:
    """A submission has to say whose it is."""
    if not any(instrument.question(name) for name in KEYS):
        message = f"No question tells the case; add one of {', '.join(KEYS)}."
        yield Finding("error", "key.missing", f"{instrument.form_id}: survey, column name", message)


def clock(instrument: Instrument) -> Findings:
    """Time comes from the preloaded `today` and `start`, so that a study can be replayed and checked."""
    for item in _rows(instrument):
        for column in ("calculation", "relevant", "constraint", "choice_filter", "default", "repeat_count"):
            text = _ONCE_UUID.sub("", item.cells.get(column, ""))
            stamped = column == "calculation" and "trigger" in item.cells and text.strip() == "now()"
            for name in () if stamped else dict.fromkeys(_CLOCK.findall(text)):
                message = f"{name}() takes the tablet's own clock or chance; {_INSTEAD[name]}."
                yield _at(instrument, item, column, "time.clock", message)


def repeats(instrument: Instrument) -> Findings:
    """A counted repeat shows one empty instance when the count is 0, unless a group around it hides it."""
    blocks = {block.name: block for block in instrument.blocks}
    for block in instrument.blocks:
        counted = REFERENCE.findall(block.cells.get("repeat_count", ""))
        gates = " ".join(blocks[name].cells.get("relevant", "") for name in block.around)
        if counted and not any(re.search(rf"\$\{{{name}\}}\s*>\s*0", gates) for name in counted):
            message = (
                f"Put the repeat into a group with relevant ${{{counted[0]}}} > 0, or 0 shows one instance."
            )
            yield _at(instrument, block, "repeat_count", "repeat.unguarded", message)


def codebook_columns(instrument: Instrument) -> Findings:
    """The codebook columns say what they must, in words the codebook knows."""
    for question in _stored(instrument):
        said = question.cell("codebook::type")
        if said.partition(" ")[0] not in ("", *TYPES):
            message = f"{said!r} is no type; there are {', '.join(TYPES)}."
            yield _at(instrument, question, "codebook::type", "codebook.type", message)
        if question.type == "calculate":
            message = "A calculation needs a type: integer, decimal, text, select_one LIST …"
            yield _at(instrument, question, "codebook::type", "codebook.type", message)
        if question.cell("codebook::sensitivity") not in SENSITIVITIES:
            message = f"There are {', '.join(filter(None, SENSITIVITIES))}, or nothing."
            yield _at(instrument, question, "codebook::sensitivity", "codebook.sensitivity", message)
        if question.type in ("integer", "decimal") and not question.cell("codebook::unit"):
            message = "A number without a unit cannot be read later; write it."
            yield _at(instrument, question, "codebook::unit", "codebook.unit", message, level="warning")
    for question in instrument.questions:
        attached = question.file or question.kind == "csv-external"
        if attached and question.cell("codebook::list") not in LISTS:
            message = f"Say where the list comes from: {', '.join(LISTS)}."
            yield _at(instrument, question, "codebook::list", "codebook.list", message)


def unused_lists(instrument: Instrument) -> Findings:
    """A list nobody uses is a question somebody forgot."""
    used = {question.list_name for question in instrument.questions}
    for row, cells in enumerate(sheet_io.rows(instrument.sheets.get("choices", [])), start=2):
        name = cells.get("list_name", "")
        if name and name not in used:
            used.add(name)
            where = f"{instrument.form_id}: {instrument.place('choices', row)} ({name}), column list_name"
            yield Finding("warning", "list.unused", where, "No question uses this list; remove it.")


def whole(instrument: Instrument) -> Findings:
    """Whatever a cell names is there: questions, groups, lists."""
    for fault in references.broken(instrument):
        place = f"{instrument.form_id}: {instrument.place(fault.sheet, fault.row)}"
        yield Finding("error", fault.code, f"{place} ({fault.name}), column {fault.column}", fault.message)


def preloaded(instrument: Instrument) -> Findings:
    """Facts alone go from one interview to the next: no amounts, plans or feelings, nothing independent."""
    for trouble in preloads.troubles(instrument):
        yield _at(instrument, trouble.item, trouble.column, trouble.code, trouble.message)


def languages_agree(instrument: Instrument) -> Findings:
    """Numbers, references and the difference between two choices are the same in all languages."""
    for sheet in ("survey", "choices"):
        rows = sheet_io.rows(instrument.sheets.get(sheet, []))
        slips = [*drift.texts(rows), *(drift.choices(rows) if sheet == "choices" else ())]
        for slip in sorted(slips, key=lambda slip: slip.row):
            cells = rows[slip.row]
            name = " ".join(filter(None, (cells.get("list_name"), cells.get("name"))))
            place = f"{instrument.form_id}: {instrument.place(sheet, slip.row + 2)}"
            yield Finding(slip.level, slip.code, f"{place} ({name}), column {slip.column}", slip.message)


RULES: tuple[Callable[[Instrument], Findings], ...] = (
    translations,
    awaited,
    labels,
    placeholders,
    names,
    missing_codes,
    identifiers,
    consent,
    keys,
    clock,
    repeats,
    codebook_columns,
    unused_lists,
    whole,
    preloaded,
    languages_agree,
    stale,
)

_INSTEAD = {
    "today": "use ${today}, a row of type today",
    "now": "use ${start}, or a calculation now() with a trigger",
    "uuid": "write once(uuid())",
}


def _rows(instrument: Instrument) -> list[Question | Block]:
    return sorted([*instrument.questions, *instrument.blocks], key=lambda item: item.row)


def _stored(instrument: Instrument) -> Iterator[Question]:
    return (question for question in instrument.questions if question.is_stored)


def _at(
    instrument: Instrument, item: Question | Block, column: str, code: str, message: str, level: str = "error"
) -> Finding:
    where = f"{instrument.form_id}: {instrument.place('survey', item.row)} ({item.name}), column {column}"
    return Finding(level, code, where, message)


def _untranslated(
    instrument: Instrument,
    sheet: str,
    row: int,
    cells: Mapping[str, str],
    field: str,
    languages: Mapping[str, str],
) -> Findings:
    said = {code for code, column in languages.items() if cells.get(column, "-").strip() != "-"}
    shown = any(column in cells for column in languages.values())
    for code in languages if shown else ():
        if code not in said:
            place = f"{instrument.form_id}: {instrument.place(sheet, row)}"
            where = f"{place} ({cells.get('name', '')}), column {languages[code]}"
            message = f"The {field} is not there in {code}; translate it (a tablet would show “-”)."
            yield Finding("error", "translation.missing", where, message)


def _number_codes(instrument: Instrument, question: Question, told: Mapping[str, str]) -> Findings:
    if question.kind not in ("integer", "decimal"):
        return
    admitted = set(_ADMITTED.findall(question.cell("constraint")))
    for code in sorted(admitted - told.keys()):
        message = f"The constraint admits {code}; give its reason as {code}=dont_know, refused or unknown."
        yield _at(instrument, question, "codebook::missing", "missing.reason", message)
    for code, reason in told.items():
        if reason not in REASONS:
            message = f"{code} has no reason; write {code}= and one of {', '.join(REASONS)}."
            yield _at(instrument, question, "codebook::missing", "missing.reason", message)
        if question.cell("constraint") and code not in admitted:
            message = f"{code} is a missing code, but the constraint refuses it; add or . = {code}."
            yield _at(instrument, question, "constraint", "missing.refused_by_constraint", message)


def _differences(
    instrument: Instrument, question: Question, known: Instrument, other: Question
) -> Iterator[Finding]:
    for aspect, meaning in _MEANINGS.items():
        here, there = meaning(question), meaning(other)
        if here != there:
            message = (
                f"In {known.form_id} its {aspect} is {there or 'none'}, here {here or 'none'}; rename one."
            )
            yield _at(instrument, question, "name", "name.other_meaning", message)


def _other_choices(instrument: Instrument, first: dict[str, Instrument]) -> Findings:
    """Lists whose choices differ from those of the form that had the list first."""
    places: dict[str, str] = {}
    for row, cells in enumerate(sheet_io.rows(instrument.sheets.get("choices", [])), start=2):
        places.setdefault(cells.get("list_name", ""), instrument.place("choices", row))
    for name, choices in instrument.lists.items():
        known = first.setdefault(name, instrument)
        if known.lists[name] != choices:
            where = f"{instrument.form_id}: {places[name]} ({name}), column list_name"
            message = f"The list has other choices in {known.form_id}; take the shared one or rename it."
            yield Finding("error", "list.other_content", where, message)


_MEANINGS: Mapping[str, Callable[[Question], str]] = {
    "type": lambda question: question.type,
    "list": lambda question: question.list_name or question.file,
    "unit": lambda question: question.cell("codebook::unit"),
}
