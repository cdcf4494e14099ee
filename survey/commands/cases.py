"""`survey cases`: the people who are followed, by their numbers; names and phones never come out."""

from pathlib import Path
from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, DryRun, app_of, now_of, say, show_findings, show_rows, today_of
from survey.errors import SurveyError

cases = typer.Typer(help="List the cases, or take in a sample list.", no_args_is_help=True)


@cases.command("list")
def list_cases(
    context: typer.Context,
    due: Annotated[bool, typer.Option("--due", help="Only who is to be visited now, and by whom.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show every case with its keys, sample and status, or who is due.

    Example: survey cases list --due --csv
    """
    from dataclasses import asdict

    from survey import cases as held

    app = app_of(context)
    with app.session() as session:
        if due:
            rows = [asdict(item) for item in held.due(session, today_of(context, app))]
        else:
            rows = held.table(session).astype(object).where(lambda f: f.notna(), None).to_dict("records")
    show_rows(rows, as_json=as_json, as_csv=as_csv)
    say(f"{len(rows)} cases.")


@cases.command("import")
def import_cases(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with case_id, name, phone, frame_src, psu_code, stratum, "
                                              "incl_prob, returned (2026-03).", exists=True, dir_okay=False)],
    dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Add the cases of a sample list that are not known yet; their baseline opens today.

    A bad row is a finding by its number and is left out; a second import adds nothing.

    Example: survey cases import sample.csv --dry-run
    """
    from survey import cases as held

    try:
        rows, findings = held.read_sample(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        cure = "save it as CSV in UTF-8"
        raise SurveyError("the sample list is not UTF-8 text", where=str(file), cure=cure) from None
    app = app_of(context)
    with app.session() as session:
        added = held.add_cases(
            session, rows, app.plan, seed=app.seed, now=now_of(context), issued=today_of(context, app)
        )
        if not dry_run:
            session.commit()
    say(f"{added} new cases{' would be added' if dry_run else ''}, {len(rows) - added} known already.")
    show_findings(findings)
