"""`survey status`: where the field stands."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, say, show_findings, show_rows, today_of

PARTS = ("waves", "team", "facts")


def status(
    context: typer.Context,
    part: Annotated[str, typer.Option(help="waves, team, facts, findings or all.")] = "all",
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show progress by wave and by interviewer, and what waits; rates are AAPOR's, over decided cases.

    Example: survey status --part team --csv
    """
    from dataclasses import asdict

    from survey.status import status as standing

    if part not in (*PARTS, "findings", "all"):
        raise typer.BadParameter("choose waves, team, facts, findings or all", param_hint="--part")
    if part == "all" and (as_json or as_csv):
        raise typer.BadParameter("name one part for --json or --csv", param_hint="--part")
    app = app_of(context)
    with app.session() as session:
        seen = standing(session, today=today_of(context, app), seed=app.seed)
    for name in PARTS if part == "all" else [part] if part in PARTS else []:
        if part == "all":
            say(f"\n{name}")
        show_rows(getattr(seen, name), as_json=as_json, as_csv=as_csv)
    if part == "findings" and (as_json or as_csv):
        show_rows([asdict(finding) for finding in seen.findings], as_json=as_json, as_csv=as_csv)
    elif part == "findings":
        show_findings(seen.findings)
