"""Export: the cases as a file, for the office without names, for the field with them when asked for.

Who has the case now stands beside it. A file with names and phones is readable by its owner alone; it is the
paper list of an enumerator, and nothing else of the platform writes one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from instruments.sheets import write_xlsx
from survey.errors import SurveyError
from survey.models import Case
from survey.people import assignment
from survey.sample import register

OFFICE = (
    *("case_id", "person_id", "panel_id", "sample", "track", "frame_src", "psu_code", "stratum", "incl_prob"),
    *("recruited_on", "returned_on", "status", "gender", "language", "wish"),
)
FIELD = ("name", "phone", "commune")


def rows(session: Session, *, contacts: bool = False, enumerator: str = "") -> list[dict[str, str]]:
    """A row per case, by its number: keys, sample, status, who has it; of one enumerator, if named."""
    last = {case_id: given.enumerator for case_id, given in assignment.held(session).last.items()}
    people = {person.case_id: person for person in register.listed(session)} if contacts else {}
    out = []
    for case in session.exec(select(Case).order_by(Case.case_id)):
        holder = last.get(case.case_id, "")
        if enumerator and holder != enumerator:
            continue
        row = {name: _text(getattr(case, name)) for name in OFFICE} | {"enumerator": holder}
        if contacts:
            row |= {name: getattr(people[case.case_id], name) for name in FIELD}
        out.append(row)
    return out


def write(table: Sequence[dict[str, str]], file: Path, *, private: bool) -> None:
    """The rows as .xlsx, or as .csv that spreadsheets read as UTF-8; `private` for its owner alone."""
    kind = file.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise SurveyError("an export is an .xlsx or a .csv", where=str(file), cure="name it so")
    header = list(table[0]) if table else list(OFFICE)
    cells = [header, *([row[name] for name in header] for row in table)]
    data = write_xlsx({"cases": cells}) if kind == ".xlsx" else _csv(cells)
    file.touch(mode=0o600 if private else 0o644)
    if private:
        file.chmod(0o600)
    file.write_bytes(data)


def _csv(cells: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(cells)
    return text.getvalue().encode("utf-8-sig")


def _text(value: Any) -> str:
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)
