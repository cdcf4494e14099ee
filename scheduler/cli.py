"""`survey schedule` and `survey demo`: the timetable by hand, and the whole main job on simulated people.

Both reach the root command by the entry-point group `survey.commands`, so that `survey` need not know this
package. A command parses, calls one function, prints.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from survey.commands import AsCsv, AsJson, app_of, clock_of, now_of, say, show_findings, show_rows
from survey.errors import FAILED

if TYPE_CHECKING:
    from survey.app import App

DEMO = Path("demo-study")
PASSWORD_VARIABLE = "SURVEY_CENTRAL_PASSWORD"

schedule = typer.Typer(help="Show the timetable, follow it, or run one job now.", no_args_is_help=True)


@schedule.command("list")
def list_(context: typer.Context, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show each job with its rhythm, its last run and its next moment, and whether a scheduler works here.

    Example: survey schedule list
    """
    from scheduler.journal import pulse, standing

    app, now = app_of(context), now_of(context)
    show_rows(standing(app, now), as_json=as_json, as_csv=as_csv)
    say(pulse(app, now))


@schedule.command()
def run(
    context: typer.Context,
    due: Annotated[
        bool, typer.Option("--due", help="Run what is due now and leave: a line for cron.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Stand by while another scheduler works here; take over when it ends."),
    ] = False,
    trust_clock: Annotated[
        bool,
        typer.Option("--trust-clock", help="Go by this machine's clock though it is behind the journal."),
    ] = False,
) -> None:
    """Follow the timetable until stopped; leave it running as a service.

    One scheduler works on a database at a time; a second one says who does and since when. With --due,
    what is due is run and only failures are said; while another scheduler works, that is nothing.

    Example: survey schedule run
    """
    from scheduler.service import serve

    app = app_of(context)
    if due:
        _run_due(app, clock_of(context), trust_clock or app.settings.study.simulated)
    else:
        serve(app, clock_of(context), wait=wait, trust_clock=trust_clock, tell=say)


@schedule.command()
def once(
    context: typer.Context, job: Annotated[str, typer.Argument(help="One of the jobs of the timetable.")]
) -> None:
    """Run one job now. Where a scheduler is at work, it is asked to do so at its next tick.

    Example: survey schedule once sync
    """
    from scheduler import runner
    from scheduler.journal import request
    from scheduler.lock import SchedulerBusy, sole

    app = app_of(context)
    try:
        with sole(app.engine, clock_of(context), trust_clock=app.settings.study.simulated):
            ran = runner.once(app, job, clock_of(context))
    except SchedulerBusy as busy:
        request(app, job, now_of(context))
        say(f"A scheduler is at work here ({busy.where}); it will run {job} within a minute.")
        return
    show_rows([{"job": ran.job, "state": ran.state, **ran.outcome}])
    if ran.error:
        say(f"survey: {ran.error}")
        raise typer.Exit(FAILED)


@schedule.command()
def watch(
    context: typer.Context,
    silent: Annotated[int, typer.Option(min=1, help="Minutes without a beat after which to cry out.")] = 10,
) -> None:
    """Say what is wrong with the schedule, for a monitor: a stopped heart, failed jobs, late jobs.

    Says nothing and leaves with 0 while all is well, with 3 when somebody must look.

    Example: survey schedule watch --silent 20
    """
    from datetime import timedelta

    from scheduler.journal import alarms

    app = app_of(context)
    show_findings(alarms(app, now_of(context), timedelta(minutes=silent)))


def _run_due(app: "App", clock: Callable[[], datetime], trust_clock: bool) -> None:
    from scheduler.lock import SchedulerBusy, sole
    from scheduler.runner import tick

    try:
        with sole(app.engine, clock, trust_clock=trust_clock):
            failed = [ran for ran in tick(app, clock) if ran.state == "failed"]
    except SchedulerBusy:
        return
    for ran in failed:
        say(f"survey: {ran.job} failed: {ran.error}")
    if failed:
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
