"""Crosswalk: what a researcher has said of changes that break comparability, so that they may be published.

A file `FORM.crosswalk.csv` stands beside the folder of the form. Each row names a variable (or a group, or a
`[list]`) and the kind of change, and says why answers before and after can still be used, who says so and
when. A row covers changes to versions published up to its day: a change made later asks for a new row. With
`before` and `after` filled in it covers that one change alone, whenever it is made: the crosswalks that come
with the package take a study from any earlier text of a form to the shipped one. The kinds are in `changes`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from instruments.comparability.changes import KINDS, Change
from instruments.findings import Finding
from instruments.instrument import FORMS

COLUMNS = ("variable", "kind", "reason", "author", "date", "before", "after")
_NEEDED = COLUMNS[:5]


@dataclass(frozen=True, slots=True)
class Ruling:
    """One row: this change of this variable is known, and why it may stand."""

    variable: str
    kind: str
    reason: str
    author: str
    day: date
    before: str = ""
    after: str = ""

    def covers(self, change: Change, published: date | None = None) -> bool:
        """Whether it speaks of this change from a version that was published on that day."""
        if (self.variable, self.kind) != (change.variable, change.kind):
            return False
        if self.before or self.after:
            if (self.before, self.after) == (change.before, change.after):
                return True
            if self.before not in ("", change.before) or self.after not in ("", change.after):
                return False
        return published is None or self.day >= published


def path_of(form: str, folder: Path | None = None) -> Path:
    """Where the crosswalk of a form stands: beside its folder, in `folder` (the package's own if none)."""
    return (folder or FORMS) / f"{form}.crosswalk.csv"


def read(path: Path) -> tuple[list[Ruling], list[Finding]]:
    """The rulings of a file, none if there is no file; a row that cannot be used is a finding."""
    if not path.is_file():
        return [], []
    rulings: list[Ruling] = []
    findings: list[Finding] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if lacking := [name for name in _NEEDED if name not in (reader.fieldnames or ())]:
            message = f"The crosswalk lacks the columns {', '.join(lacking)}; it has {', '.join(COLUMNS)}."
            return [], [Finding("error", "crosswalk.columns", path.name, message)]
        for number, row in enumerate(reader, start=2):
            try:
                rulings.append(_ruling({key: (row.get(key) or "").strip() for key in COLUMNS}))
            except ValueError as error:
                findings.append(Finding("error", "crosswalk.row", f"{path.name} row {number}", str(error)))
    return rulings, findings


def uncovered(
    changes: Iterable[Change], rulings: Sequence[Ruling], published: date | None = None
) -> list[Change]:
    """The changes that break comparability and that no ruling speaks of."""
    return [
        change
        for change in changes
        if change.breaks and not any(ruling.covers(change, published) for ruling in rulings)
    ]


def to_findings(changes: Iterable[Change], form: str, version: str) -> list[Finding]:
    """One error for each change, with what to write where."""
    return [
        Finding(
            "error",
            "comparability.broken",
            f"{form}: {change.variable or 'form'}",
            f"Since version {version} it is {change.kind} ({KINDS[change.kind]}): {_told(change.before)} → "
            f"{_told(change.after)}; {change.why}. Take it back, or cover it with a row in "
            f"{path_of(form).name}: {change.variable},{change.kind},REASON,AUTHOR,DATE.",
        )
        for change in changes
    ]


def template(changes: Iterable[Change], today: date | None = None) -> str:
    """Rows for these changes as CSV, reason and author left to be written."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    day = today.isoformat() if today else ""
    for change in changes:
        writer.writerow([change.variable, change.kind, "", "", day, change.before, change.after])
    return stream.getvalue()


def _ruling(row: dict[str, str]) -> Ruling:
    if row["kind"] not in KINDS:
        raise ValueError(f"{row['kind']!r} is no kind of change; there are {', '.join(KINDS)}.")
    for name in ("reason", "author"):
        if not row[name]:
            raise ValueError(f"The {name} is empty; write it, or take the row out.")
    try:
        day = date.fromisoformat(row["date"])
    except ValueError:
        raise ValueError(f"The date {row['date']!r} is no day; write it as 2026-03-31.") from None
    return Ruling(
        row["variable"], row["kind"], row["reason"], row["author"], day, row["before"], row["after"]
    )


def _told(text: str) -> str:
    plain = " ".join(text.split())
    return (plain if len(plain) <= 80 else plain[:79] + "…") or "nothing"
