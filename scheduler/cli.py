"""`survey schedule` and `survey demo`: the timetable by hand, and the whole main job on simulated people.

Both reach the root command by the entry-point group `survey.commands`, so that `survey` need not know this
package. A command parses, calls one function, prints.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from survey.commands import AsCsv, AsJson, Root, app_of, now_of, say, show_rows
from survey.errors import FAILED

DEMO = Path("demo-study")
PASSWORD_VARIABLE = "SURVEY_CENTRAL_PASSWORD"

schedule = typer.Typer(help="Show the timetable, follow it, or run one job now.", no_args_is_help=True)


@schedule.command("list")
def list_(context: typer.Context, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show each job with its rhythm, its last run and its next moment.

    Example: survey schedule list
    """
    from scheduler.journal import standing

    app = app_of(context)
    show_rows(standing(app, now_of(context)), as_json=as_json, as_csv=as_csv)


@schedule.command()
def run(context: typer.Context) -> None:
    """Follow the timetable until stopped; leave it running as a service.

    Example: survey schedule run
    """
    from scheduler.runner import serve

    app = app_of(context)
    study = app.settings.study
    say(f"Following the timetable of {study.name} ({study.time_zone}); Ctrl-C stops.")
    serve(app, _root(context).clock)


@schedule.command()
def once(
    context: typer.Context, job: Annotated[str, typer.Argument(help="One of the jobs of the timetable.")]
) -> None:
    """Run one job now. Where a scheduler is at work, it is asked to do so at its next tick.

    Example: survey schedule once sync
    """
    from scheduler import runner
    from scheduler.journal import request

    app = app_of(context)
    try:
        with runner.sole(app.engine):
            ran = runner.once(app, job, _root(context).clock)
    except runner.SchedulerBusy:
        request(app, job, now_of(context))
        say(f"A scheduler is at work here; it will run {job} within a minute.")
        return
    show_rows([{"job": ran.job, "state": ran.state, **ran.outcome}])
    if ran.error:
        say(f"survey: {ran.error}")
        raise typer.Exit(FAILED)


def demo(
    context: typer.Context,
    people: Annotated[int, typer.Option(min=6, max=5000, help="How many returnees are simulated.")] = 120,
    waves: Annotated[int, typer.Option(min=1, max=6, help="How many waves of the plan are run.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same release and report.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where the study is made: new, or an earlier demo.")] = DEMO,
    central: Annotated[
        str, typer.Option(help="A test server of ODK Central instead of the embedded stand-in.")
    ] = "",
    email: Annotated[str, typer.Option(help="Site administrator there; SURVEY_CENTRAL_PASSWORD.")] = "",
) -> None:
    """Run the main job end to end: forms, waves, interviews on real tablets' software, release, report.

    Everything is embedded: SQLite, a stand-in for ODK Central, the engine of ODK Collect, simulated people.

    Example: survey demo --people 60 --waves 3
    """
    from scheduler.rehearsal import Account, rehearse

    account = Account(central, email, os.environ.get(PASSWORD_VARIABLE, "")) if central else None
    rehearsal = rehearse(folder, people=people, waves=waves, seed=seed, tell=say, central=account)
    say(rehearsal.summary())


def _root(context: typer.Context) -> Root:
    root: Root = context.find_root().obj
    return root
