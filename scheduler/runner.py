"""The clockwork: which jobs are due now, each claimed once, run, and written into the journal.

The journal is the table `run`; claiming is in `scheduler.claims`, the heartbeat in `scheduler.heart`. Jobs
make good what is missing, so a run that was cut short is simply run again. Nothing here waits for time:
`scheduler.service` calls `tick` every minute, cron may do so as well, and a person calls `once`.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from sqlmodel import Session

from scheduler import claims, heart
from scheduler.jobs import JOBS, Job
from survey.app import App
from survey.errors import SurveyError, told
from survey.failpoints import passed
from survey.models import Run
from survey.store import finish_run

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run as it ended: `state` done or failed, what it counted, and how long it took (seconds)."""

    job: str
    key: str
    state: str
    outcome: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0


def _go_on(job: str) -> bool:
    return True


def tick(
    app: App,
    clock: Callable[[], datetime],
    *,
    jobs: Mapping[str, Job] = JOBS,
    before: Callable[[str], bool] = _go_on,
) -> list[Ran]:
    """Run what the timetable and the requests ask for at this moment, in the order of the timetable.

    `before` is called with each job that may run; when it says no, the tick ends there and nothing more is
    claimed. Raises `ClockBehind` where the clock cannot be right.
    """
    now = clock()
    heart.beat(app.engine, now)
    passed("tick.begun")
    ran: list[Ran] = []
    for job, key in claims.due(app, now):
        if not before(job):
            return ran
        if run := claims.claim(app.engine, job, key, clock()):
            ran.append(_run(app, run, clock, jobs))
    for waiting in (claims.asked(app.engine, clock), claims.left_over(app.engine, clock)):
        for run in waiting:
            ran.append(_run(app, run, clock, jobs))
            if not before(run.job):
                return ran
    return ran


def once(app: App, job: str, clock: Callable[[], datetime], *, jobs: Mapping[str, Job] = JOBS) -> Ran:
    """Run one job now, whatever the timetable says; it is journalled like any other."""
    now = clock()
    keys = (claims.asked_key(job, claims.BY_HAND, now, number) for number in count(1))
    run = next(run for key in keys if (run := claims.claim(app.engine, job, key, now, new=True)))
    return _run(app, run, clock, jobs)


def _run(app: App, run: Run, clock: Callable[[], datetime], jobs: Mapping[str, Job]) -> Ran:
    began, tries = monotonic(), int(run.outcome.get("tries", 1))
    assert run.id is not None
    run_id = run.id
    outcome: dict[str, Any] = {}
    state, error = "done", ""
    passed("run.claimed")
    try:
        with heart.beating(app.engine, run_id, clock):
            outcome = dict(_job(jobs, run.job)(app, clock(), run_id))
    except Exception as fault:
        state, error = "failed", told(fault) or f"{type(fault).__name__} at {_place(fault)}"
    if state == "failed":
        outcome = {"tries": tries}
    passed("run.worked")
    with Session(app.engine) as session:
        finish_run(session, session.get_one(Run, run.id), now=clock(), outcome=outcome, error=error)
    passed("run.recorded")
    ran = Ran(run.job, run.key, state, outcome, error, monotonic() - began)
    facts = " ".join(f"{name}={value}" for name, value in outcome.items())
    log.info("%s.%s %s seconds=%.1f %s", ran.job, ran.state, facts, ran.seconds, ran.error)
    return ran


def _job(jobs: Mapping[str, Job], name: str) -> Job:
    try:
        return jobs[name]
    except KeyError:
        known = ", ".join(jobs)
        raise SurveyError(f"no job named {name!r}", where="[schedule]", cure=f"use one of {known}") from None


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"
