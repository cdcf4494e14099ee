"""`survey publish`: Central holds the study's forms as their text is here."""

import typer

from survey.commands import AsCsv, AsJson, DryRun, app_of, clock_of, say, show_findings, show_rows


def publish(
    context: typer.Context, dry_run: DryRun = False, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Publish the forms whose text or files are other than Central's; the rest stays as it is.

    Example: survey publish --dry-run
    """
    from survey import store
    from survey.publish import publish_study

    app, clock = app_of(context), clock_of(context)
    if dry_run:
        outcome = publish_study(app, now=clock(), dry_run=True)
    else:
        with store.recorded(app.engine, "publish", clock) as run:
            outcome = publish_study(app, now=clock(), run_id=run.id)
            run.outcome = {"actions": outcome.rows()}
    show_rows(outcome.rows(), as_json=as_json, as_csv=as_csv)
    if not outcome.actions:
        say("Central holds all forms as they are here.")
    elif dry_run:
        say("Nothing was sent.")
    show_findings(outcome.findings)
