"""`survey sync`: bring home what Central has and we do not, and say what is wrong with it."""

from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, clock_of, show_findings, show_rows


def sync(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="List everything, not only what is new.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Append the submissions, edits and reviews that Central has and the database has not.

    Again at once it adds nothing. Leaves with 3 when a submission cannot be read or placed; it is kept all
    the same.

    Example: survey sync
    """
    from survey import answers, store
    from survey.sync import sync_study

    app, clock = app_of(context), clock_of(context)
    with store.recorded(app.engine, "sync", clock) as run:
        done = sync_study(app, now=clock(), run_id=run.id, full=full)
        with app.session() as session:
            read = answers.gather(session).findings
        run.outcome = {synced.form_id: synced.row() for synced in done}
    show_rows([synced.row() for synced in done], as_json=as_json, as_csv=as_csv)
    show_findings([finding for synced in done for finding in synced.findings] + list(read))
