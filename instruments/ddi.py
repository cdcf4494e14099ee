"""DDI: the data dictionary as DDI-Codebook 2.5, the XML in which archives exchange codebooks.

One `var` per variable of a form or release frame, one `fileDscr` per table that holds variables (a form, a
repeat, a frame), one `varGrp` per module of a form. Element order follows the schema of the DDI Alliance
(codebook.xsd, version 2.5, 17 January 2012). Nothing is dated here, so the same definitions give the same
bytes. What an entry says is made in `dictionary`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from lxml import etree

from instruments.codebook import Choice
from instruments.dictionary import Entry

NAMESPACE = "ddi:codebook:2_5"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DOMAINS = {
    "integer": "numeric",
    "decimal": "numeric",
    "select_one": "category",
    "state": "category",
    "select_multiple": "multiple",
    "date": "datetime",
    "datetime": "datetime",
    "geopoint": "geographic",
    "file": "other",
}
_NUMBERS = ("integer", "decimal")


def to_ddi(entries: Sequence[Entry], title: str = "Codebook") -> bytes:
    """The entries as a DDI-Codebook 2.5 document, UTF-8 with declaration."""
    root = etree.Element(f"{{{NAMESPACE}}}codeBook", nsmap={None: NAMESPACE}, version="2.5")
    ids = _ids(entries)
    for part in ("docDscr", "stdyDscr"):
        _put(_put(_put(_put(root, part), "citation"), "titlStmt"), "titl", title)
    for table, first in {entry.place: entry for entry in reversed(entries)}.items():
        _file(root, table, first)
    data = _put(root, "dataDscr")
    for (table, module), members in _modules(entries).items():
        names = " ".join(ids[_key(entry)] for entry in members)
        group = _put(data, "varGrp", ID=_id("G", table, module), type="section", name=module, var=names)
        _put(group, "labl", module)
    for entry in entries:
        _variable(data, entry, ids)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _variable(data: etree._Element, entry: Entry, ids: Mapping[tuple[str, str], str]) -> None:
    variable = entry.variable
    told = {"measUnit": variable.unit} if variable.unit else {}
    continuous = "contin" if variable.type in _NUMBERS else "discrete"
    element = _put(
        data,
        "var",
        ID=ids[_key(entry)],
        name=variable.name,
        files=_id("F", entry.place),
        intrvl=continuous,
        **told,
    )
    _each(element, "labl", variable.label)
    if variable.sensitivity:
        _put(element, "security", variable.sensitivity)
    _question(element, entry)
    _codes(element, entry)
    _derivation(element, entry, ids)
    character = variable.type not in _NUMBERS and not _is_coded(entry)
    _put(element, "varFormat", variable.type, type="character" if character else "numeric")
    notes = {
        "waves": entry.wave_use,
        "preload": variable.preload,
        "preloaded": variable.preloaded,
        "wrong": variable.wrong,
        "corrects": variable.corrects,
        "back-check": variable.back_check,
        "constraint": entry.constraint,
        "list": variable.list_name,
        **{f"absent {reason}": words for reason, words in entry.absent.items()},
    }
    for kind, words in notes.items():
        if words:
            _put(element, "notes", words, type=kind)


def _question(element: etree._Element, entry: Entry) -> None:
    """What is asked, in every language, with the interviewer's hint; a calculation asks nothing."""
    variable = entry.variable
    if variable.frame or entry.formula or not variable.label:
        return
    question = _put(element, "qstn", responseDomainType=_DOMAINS.get(variable.type, "text"))
    _each(question, "qstnLit", variable.label)
    _each(question, "ivuInstr", entry.hint)


def _codes(element: etree._Element, entry: Entry) -> None:
    """Codes of missing numbers, who is asked, then the categories."""
    variable = entry.variable
    coded = {choice.name for choice in variable.choices}
    for code, reason in variable.missing.items():
        if code not in coded:
            invalid = _put(element, "invalrng")
            _put(invalid, "item", VALUE=code)
            _put(invalid, "key", reason)
    if entry.asked_if:
        _put(element, "universe", entry.asked_if)
    for choice in variable.choices:
        _category(element, choice, variable.missing)
    if variable.source:
        _put(element, "concept", variable.source)


def _category(element: etree._Element, choice: Choice, missing: Mapping[str, str]) -> None:
    reason = missing.get(choice.name)
    said = {"missing": "Y", "missType": reason} if reason else {}
    category = _put(element, "catgry", **said)
    _put(category, "catValu", choice.name)
    _each(category, "labl", choice.label)


def _derivation(element: etree._Element, entry: Entry, ids: Mapping[tuple[str, str], str]) -> None:
    """From what it is computed; names outside this codebook are said in words only."""
    inputs = entry.variable.inputs
    if not inputs and not entry.formula:
        return
    own = entry.variable.form
    known = [ids.get((own, name)) or _anywhere(name, ids) for name in inputs]
    derivation = _put(element, "derivation")
    if found := [identity for identity in known if identity]:
        derivation.set("var", " ".join(dict.fromkeys(found)))
    if inputs:
        _put(derivation, "drvdesc", f"Computed from {', '.join(inputs)}.")
    if entry.formula:
        _put(derivation, "drvcmd", entry.formula, syntax="ODK XForms XPath")


def _file(root: etree._Element, table: str, first: Entry) -> None:
    text = _put(_put(root, "fileDscr", ID=_id("F", table)), "fileTxt")
    _put(text, "fileName", table)
    if first.title:
        _put(text, "fileCont", first.title)
    if first.version:
        _put(_put(text, "verStmt"), "version", first.version)


def _ids(entries: Iterable[Entry]) -> dict[tuple[str, str], str]:
    return {_key(entry): _id("V", *_key(entry)) for entry in entries}


def _key(entry: Entry) -> tuple[str, str]:
    return entry.variable.form or entry.variable.frame, entry.variable.name


def _anywhere(name: str, ids: Mapping[tuple[str, str], str]) -> str | None:
    return next((identity for (_, other), identity in ids.items() if other == name), None)


def _modules(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry.variable.module:
            found.setdefault((entry.variable.form, entry.variable.module), []).append(entry)
    return found


def _is_coded(entry: Entry) -> bool:
    """Whether its codes are numbers."""
    choices = entry.variable.choices
    one = entry.variable.type in ("select_one", "state")
    return one and bool(choices) and all(choice.name.lstrip("-").isdecimal() for choice in choices)


def _put(parent: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
    for name, value in attributes.items():
        element.set(name, _FORBIDDEN.sub("", value))
    if text:
        element.text = _FORBIDDEN.sub("", text)
    return element


def _each(parent: etree._Element, tag: str, texts: Mapping[str, str]) -> None:
    """One element per language."""
    for language, text in texts.items():
        _put(parent, tag, text).set(_LANGUAGE, language)


def _id(kind: str, *names: str) -> str:
    """An XML name: letters, digits, `_`, `-` and `.`; whatever else a name holds is written by its number."""
    plain = "-".join(re.sub(r"[^A-Za-z0-9_.]", lambda m: f".{ord(m[0])}.", name) for name in names)
    return f"{kind}-{plain}"
