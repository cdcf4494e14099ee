"""Intake: an XLSForm taken into a folder of forms, or shown against the form that is there.

Brings together reading (`workbook`), keeping what is shared (`folding`), what differs by question (`edits`)
and what that means for the panel (`compare`). `take_in` reads and decides, `put` writes; nothing else here
touches files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from instruments import sheets as sheet_io
from instruments.comparability.compare import compare
from instruments.corridor import Corridor
from instruments.excel import workbook
from instruments.excel.edits import Edit, edits
from instruments.excel.folding import fold
from instruments.expand.includes import write_out
from instruments.findings import Finding
from instruments.instrument import Instrument
from instruments.sheets import Sheets

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read: the sheets as the folder will hold them, and how they differ from what it holds.

    `edits` are told of the whole form, with modules written out; `breaking` counts the changes that break
    comparability with the form that is there.
    """

    folder: Path
    sheets: Sheets
    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...]
    breaking: int
    is_new: bool


def take_in(
    file: Path, forms: Path, name: str = "", language: str = "", where: Corridor | None = None
) -> Taken:
    """Read an .xlsx and hold it against the form of its name in the folder `forms`, as in that corridor.

    Raises
    ------
    ValueError
        It is no .xlsx, it holds no survey sheet, or its form_id cannot name a folder.
    """
    sheets, findings = workbook.read(file, language=language)
    form = Instrument.from_sheets(sheets)
    if not _NAME.fullmatch(name or form.form_id):
        raise ValueError(f"{name or form.form_id!r} cannot be the name of a folder; give one with --name.")
    folder = forms / (name or form.form_id)
    if not (folder / "survey.csv").is_file():
        return Taken(folder, sheets, tuple(edits({}, sheets)), tuple(findings), 0, is_new=True)
    before = sheet_io.read_folder(folder)
    whole = write_out(before, where=where).sheets
    folded, told = (before, []) if _same(whole, sheets) else fold(sheets, before, where=where)
    changes = compare(Instrument.from_sheets(whole), form)
    return Taken(
        folder,
        folded,
        tuple(edits(whole, sheets)),
        (*findings, *told),
        sum(change.breaks for change in changes),
        is_new=False,
    )


def put(taken: Taken) -> None:
    """Write the form's folder; sheets it no longer has are taken away."""
    sheet_io.write_folder(taken.sheets, taken.folder)
    for path in taken.folder.glob("*.csv"):
        if path.stem not in taken.sheets:
            path.unlink()


def _same(before: Sheets, after: Sheets) -> bool:
    return sheet_io.canonical(before) == sheet_io.canonical(after)
