"""Submission XML → typed frames, one row per submission and one frame per repeat.

A submission is read under the instrument it was answered in, whose own sheets say names, types and lists.
Nothing is lost: what does not fit its list or type becomes a finding and an empty cell, every other cell
stays, and the XML itself is kept elsewhere. Missing codes stay codes here; `without_missing` empties them.
No corrections, no case logic.

Frames ------ Keyed by "" (columns `instance_id`, then every stored question outside repeats in the order of
the form) and by the name of each repeat (`instance_id`, `position` from 1, `parent_position` if the repeat
stands in another, then its questions). Dtypes: integer, and select_one of an inline list with whole-number
codes → Int64; decimal → Float64; date → datetime64[s]; everything else → str (datetimes as sent,
select_multiple as codes apart by blanks).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from lxml import etree

from instruments.codebook import Codebook, Variable
from instruments.findings import Finding
from instruments.instrument import Instrument

_TEMPLATE = "{http://openrosa.org/javarosa}template"
_GUARDED = ("sensitive", "identifying", "free_text")
_BAD: Any = object()
_LARGEST = 2**63

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """The frames and what did not fit."""

    frames: dict[str, pd.DataFrame]
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What names mean in the XML of one form: repeats with the repeat around each, and stored questions."""

    form: str
    version: str
    repeats: Mapping[str, str]
    stored: frozenset[str]
    blocks: frozenset[str]
    columns: Mapping[str, tuple[Variable, ...]]


@dataclass(slots=True)
class _Reading:
    """Rows gathered so far, by repeat, and the remarks made on the way."""

    rows: dict[str, list[Row]]
    findings: list[Finding] = field(default_factory=list)


def decode(
    records: Iterable[tuple[str, str | bytes]],
    instrument: Instrument,
    codebook: Codebook | None = None,
    *,
    names: Collection[str] | None = None,
) -> Decoded:
    """Typed frames of these submissions of one form.

    Parameters
    ----------
    records
        Pairs of instance id and submission XML.
    instrument
        The form in the version the answers were given in.
    codebook
        Gives types in place of the instrument's own, for variables it knows of this form.
    names
        The variables to make columns of, where few are wanted of a wide form; all by default.

    Returns
    -------
    Decoded
        Findings: `submission.unreadable` (not XML; no row), `submission.other_form` (made from another form
        or version; decoded all the same), `submission.unknown_variable` (a name this form does not have),
        `submission.repeated_variable` (one name twice where there is no repeat), `value.outside_list`,
        `value.type` (the cell is NA). A message shows the value only where the variable is neither
        identifying nor sensitive.
    """
    shape = _shape(instrument, codebook, names)
    reading = _Reading({"": [], **{name: [] for name in shape.repeats}})
    for instance_id, xml in records:
        _read(instance_id, xml, shape, reading)
    frames = {name: _frame(name, rows, shape, reading.findings) for name, rows in reading.rows.items()}
    return Decoded(frames, reading.findings)


def without_missing(frame: pd.DataFrame, codebook: Codebook, form: str) -> pd.DataFrame:
    """The frame with the codes of missing answers emptied; the reason stays with the coded frame.

    A select_multiple is emptied when its only answer is a missing code.
    """
    emptied = {}
    for name in frame.columns:
        variable = codebook.get(name, form)
        if variable is not None and variable.missing:
            column = frame[name]
            numeric = pd.api.types.is_numeric_dtype(column.dtype)
            codes = [float(code) if numeric else code for code in variable.missing]
            emptied[name] = column.mask(column.isin(codes))
    return frame.assign(**emptied)


def _shape(instrument: Instrument, codebook: Codebook | None, names: Collection[str] | None) -> _Shape:
    repeats = [block for block in instrument.blocks if block.kind == "repeat"]
    own = [block.name for block in repeats]
    around = {b.name: next((n for n in reversed(b.around) if n in own), "") for b in repeats}
    known = codebook or Codebook()
    variables = [known.get(v.name, instrument.form_id) or v for v in instrument.variables]
    wanted = [v for v in variables if names is None or v.name in names]
    return _Shape(
        form=instrument.form_id,
        version=instrument.version,
        repeats=around,
        stored=frozenset(v.name for v in variables),
        blocks=frozenset(b.name for b in instrument.blocks)
        | {q.name for q in instrument.questions if not q.is_stored},
        columns={name: tuple(v for v in wanted if v.repeat == name) for name in ("", *own)},
    )


def _read(instance_id: str, xml: str | bytes, shape: _Shape, reading: _Reading) -> None:
    try:
        root = etree.fromstring(xml.encode() if isinstance(xml, str) else xml, _parser())
    except etree.XMLSyntaxError as error:
        message = f"The submission is not readable as XML (line {error.lineno}); fetch it from Central again."
        reading.findings.append(
            Finding("error", "submission.unreadable", f"{shape.form}/{instance_id}", message)
        )
        return
    _check_origin(instance_id, root, shape, reading.findings)
    row: Row = {"instance_id": instance_id}
    reading.rows[""].append(row)
    positions = dict.fromkeys(shape.repeats, 0)
    _walk(root, row, shape, reading, positions)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )


def _check_origin(instance_id: str, root: etree._Element, shape: _Shape, findings: list[Finding]) -> None:
    form, version = root.get("id") or shape.form, root.get("version") or shape.version
    if (form, version) != (shape.form, shape.version):
        message = (
            f"Answered in form {form} version {version}, read as {shape.form} version {shape.version}; "
            "decode it under its own version."
        )
        findings.append(Finding("warning", "submission.other_form", f"{shape.form}/{instance_id}", message))


def _walk(
    element: etree._Element, row: Row, shape: _Shape, reading: _Reading, positions: dict[str, int]
) -> None:
    """Put the leaves below `element` into `row`, and each repeat instance into a row of its own."""
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name in shape.stored:
            if name in row:
                reading.findings.append(_twice(name, row, shape))
            elif child.text is not None:
                row[name] = child.text
        elif name in shape.repeats:
            if child.get(_TEMPLATE) is None:
                positions[name] += 1
                below: Row = {"instance_id": row["instance_id"], "position": positions[name]}
                if shape.repeats[name]:
                    below["parent_position"] = row["position"]
                reading.rows[name].append(below)
                _walk(child, below, shape, reading, positions)
        elif name in shape.blocks:
            _walk(child, row, shape, reading, positions)
        elif name != "meta" and (len(child) or child.text):
            reading.findings.append(_unknown(name, row, shape))


def _unknown(name: str, row: Row, shape: _Shape) -> Finding:
    message = "This version of the form has no such question; the answer stays in the raw submission only."
    return Finding(
        "warning", "submission.unknown_variable", f"{shape.form}/{row['instance_id']}/{name}", message
    )


def _twice(name: str, row: Row, shape: _Shape) -> Finding:
    where = f"{shape.form}/{row['instance_id']}/{name}"
    message = "Answered twice in one submission; the first answer is kept, look at the raw submission."
    return Finding("error", "submission.repeated_variable", where, message)


def _frame(name: str, rows: list[Row], shape: _Shape, findings: list[Finding]) -> pd.DataFrame:
    ids = [row["instance_id"] for row in rows]
    columns: dict[str, Any] = {"instance_id": pd.array(ids, dtype="str")}
    if name:
        columns["position"] = pd.array([row["position"] for row in rows], dtype="Int64")
    if shape.repeats.get(name):
        columns["parent_position"] = pd.array([row["parent_position"] for row in rows], dtype="Int64")
    for variable in shape.columns[name]:
        texts = [row.get(variable.name) for row in rows]
        columns[variable.name], bad = _column(texts, variable)
        findings += [_misfit(rows[at], texts[at], variable, shape.form) for at in bad]
    return pd.DataFrame(columns)


def _column(texts: list[str | None], variable: Variable) -> tuple[Any, list[int]]:
    """One typed column, and the positions whose text does not fit."""
    reader, dtype = _reader(variable)
    known: dict[str | None, Any] = {None: None, "": None}
    for text in set(texts) - known.keys():
        known[text] = reader(text) if text and (text.strip() or reader is str) else None
    values = [known[text] for text in texts]
    bad = [at for at, value in enumerate(values) if value is _BAD] if _BAD in known.values() else []
    for at in bad:
        values[at] = None
    if dtype == "datetime64[s]":
        return np.array([value or "NaT" for value in values], dtype="datetime64[s]"), bad
    return pd.array(values, dtype=dtype), bad


def _reader(variable: Variable) -> tuple[Callable[[str], Any], str]:
    codes = {choice.name for choice in variable.choices}
    if variable.type == "integer":
        return _integer, "Int64"
    if variable.type == "decimal":
        return _decimal, "Float64"
    if variable.type == "date":
        return _date, "datetime64[s]"
    if variable.type == "select_one" and _is_inline(variable):
        if all(_is_whole(code) for code in codes):
            return _one_of({code: int(code) for code in codes}), "Int64"
        return _one_of({code: code for code in codes}), "str"
    if variable.type == "select_multiple" and _is_inline(variable):
        return _some_of(codes), "str"
    return str, "str"


def _is_inline(variable: Variable) -> bool:
    return bool(variable.choices) and not variable.list_name.endswith((".csv", ".xml", ".geojson"))


def _is_whole(code: str) -> bool:
    return code.lstrip("-").isdecimal() and str(int(code)) == code


def _integer(text: str) -> Any:
    try:
        value = int(text)
    except ValueError:
        value = _decimal(text)
        if value is None or value is _BAD or not value.is_integer():
            return value if value is None else _BAD
    return int(value) if abs(value) < _LARGEST else _BAD


def _decimal(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return _BAD
    if value != value:
        return None  # NaN: the engine's word for "no number"
    return value if isfinite(value) else _BAD


def _date(text: str) -> Any:
    try:
        return date.fromisoformat(text.strip()[:10]).isoformat()
    except ValueError:
        return _BAD


def _one_of(codes: Mapping[str, Any]) -> Callable[[str], Any]:
    return lambda text: codes.get(text.strip(), _BAD)


def _some_of(codes: set[str]) -> Callable[[str], Any]:
    return lambda text: " ".join(text.split()) if codes.issuperset(text.split()) else _BAD


def _misfit(row: Row, text: str | None, variable: Variable, form: str) -> Finding:
    shown = "The value" if variable.sensitivity in _GUARDED else f"The value {text!r}"
    where = f"{form}/{row['instance_id']}/{variable.name}"
    if "position" in row:
        where = f"{form}/{row['instance_id']}/{variable.repeat}[{row['position']}]/{variable.name}"
    if variable.type.startswith("select"):
        message = f"{shown} is not in the list {variable.list_name}; correct it, or mend the list."
        return Finding("error", "value.outside_list", where, message)
    return Finding("error", "value.type", where, f"{shown} cannot be read as {variable.type}; correct it.")
