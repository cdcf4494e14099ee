"""`survey publish`: Central holds the study's forms as their text is here."""

from typing import TYPE_CHECKING

import typer

from survey.commands import AsCsv, AsJson, DryRun, app_of, clock_of, say, show_findings, show_rows

if TYPE_CHECKING:
    from datetime import datetime

    from survey.app import App
    from survey.publish import Outcome


def publish(
    context: typer.Context, dry_run: DryRun = False, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Publish the forms whose text or files are other than Central's; the rest stays as it is.

    Example: survey publish --dry-run
    """
    from survey import store

    app, clock = app_of(context), clock_of(context)
    if dry_run:
        outcome = _publish(app, clock(), None)
    else:
        with store.recorded(app.engine, "publish", clock) as run:
            outcome = _publish(app, clock(), run.id)
            run.outcome = {"actions": outcome.rows()}
    show_rows(outcome.rows(), as_json=as_json, as_csv=as_csv)
    if not outcome.actions:
        say("Central holds all forms as they are here.")
    elif dry_run:
        say("Nothing was sent.")
    show_findings(outcome.findings)


def _publish(app: "App", now: "datetime", run_id: int | None) -> "Outcome":
    """Publish under a run, or only plan when there is none."""
    from survey import cases
    from survey.outbox import LISTS
    from survey.publish import publish_forms

    with app.session() as session, app.central() as central:
        return publish_forms(
            session,
            central,
            app.settings.study.forms,
            folder=app.forms_folder,
            files=cases.lists(session),
            entity_lists=LISTS,
            now=now,
            run_id=run_id,
            dry_run=run_id is None,
        )
