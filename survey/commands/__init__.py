"""The commands of `survey`, one file per noun or verb, and what they share: app, clock, rows, findings.

A file `cases.py` holds under its own name what `survey cases` is: a Typer group `cases = typer.Typer(...)`,
or a function `cases(...)` for a plain verb. The root (`survey.cli`) finds the files by themselves; nothing is
registered anywhere. A file without a thing of its own name (`printing`) holds verbs of another's group. A
command parses, calls one function, prints. Heavy imports stand inside the function, since `survey --help`
imports every file here. Data go to stdout, talk goes to stderr.
"""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from survey.errors import FINDINGS

if TYPE_CHECKING:
    from instruments.findings import Finding
    from survey.app import App

AsJson = Annotated[bool, typer.Option("--json", help="Print rows as JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print rows as CSV.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done and do nothing.")]


_WHERE = re.compile(
    r"(?P<form>[^:]+)(: (?P<sheet>.+?)( row (?P<row>\d+))?( \((?P<name>[^)]*)\))?(, column (?P<column>.+))?)?"
)
_PARTS = ("form", "sheet", "row", "name", "column")


@dataclass(slots=True)
class Root:
    """What the root command was told: where the settings are, what time it is, whether to talk."""

    settings: Path | None
    clock: Callable[[], datetime]
    verbose: bool = False


def app_of(context: typer.Context) -> "App":
    """The study this command works on; its log goes where the settings say."""
    from survey import logs
    from survey.app import open_app

    root: Root = context.find_root().obj
    app = open_app(root.settings)
    context.call_on_close(app.close)
    file = app.settings.log.file
    logs.configure(
        level=app.settings.log.level,
        file=app.folder / file if file else None,
        stream=sys.stderr if root.verbose else None,
    )
    return app


def app_if_any(context: typer.Context) -> "App | None":
    """The study this command works on; None where none is named and there is no survey.toml here."""
    from survey.config import FILE

    root: Root = context.find_root().obj
    return app_of(context) if root.settings or Path(FILE).is_file() else None


def clock_of(context: typer.Context) -> Callable[[], datetime]:
    """The clock this command goes by, aware, in UTC."""
    root: Root = context.find_root().obj
    return root.clock


def now_of(context: typer.Context) -> datetime:
    """What that clock says now."""
    return clock_of(context)()


def today_of(context: typer.Context, app: "App") -> date:
    """The day it is in the field."""
    return now_of(context).astimezone(app.zone).date()


def say(text: str) -> None:
    """Talk: a line on stderr."""
    typer.echo(text, err=True)


def show_rows(rows: Iterable[Mapping[str, Any]], *, as_json: bool = False, as_csv: bool = False) -> None:
    """Rows on stdout as an aligned table, as JSON or as CSV; the first row names the columns."""
    table = [dict(row) for row in rows]
    if as_json:
        typer.echo(json.dumps(table, ensure_ascii=False, indent=2, default=str))
    elif as_csv and table:
        writer = csv.DictWriter(sys.stdout, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    elif table and not as_csv:
        typer.echo("\n".join(_aligned(table)))


def show_findings(findings: Sequence["Finding"]) -> None:
    """Findings on stderr, worst first; leaves with exit code 3 when one is at error level."""
    from instruments.findings import has_errors, to_text

    if findings:
        say(to_text(findings))
    if has_errors(findings):
        raise typer.Exit(FINDINGS)


def placed(finding: "Finding") -> dict[str, str]:
    """A finding with its place taken apart, as a spreadsheet filters it."""
    found = _WHERE.fullmatch(finding.where)
    place = {part: (found[part] or "" if found else "") for part in _PARTS}
    place["form"] = place["form"] or finding.where
    return {"level": finding.level, **place, "code": finding.code, "message": finding.message}


def short(text: str) -> str:
    """A text cut to what fits a column."""
    plain = " ".join(text.split())
    return plain if len(plain) <= 60 else plain[:59] + "…"


def _aligned(rows: list[dict[str, Any]]) -> list[str]:
    table = [list(rows[0]), *([_cell(row.get(name)) for name in rows[0]] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
