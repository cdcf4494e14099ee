"""Reading the journal of runs: how each job stands, what is wrong with the schedule, and asking for a run.

Whoever wants a run while a scheduler is at work writes a row in state *requested*; the scheduler takes it up
at its next tick. `alarms` is for a monitor: it says when the heart has stopped, when a job failed for
good and when one is late. Claiming is in `scheduler.claims`, running in `scheduler.runner`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from instruments.findings import Finding
from scheduler import claims, heart
from scheduler.jobs import JOBS
from scheduler.timetable import Entry, read
from survey.app import App
from survey.errors import SurveyError
from survey.models import Run

LATE = timedelta(hours=4)  # after its moment, a job that is neither done nor at work is late


def standing(app: App, now: datetime) -> list[dict[str, Any]]:
    """One row per job: its rhythm, how its last run ended and when, and its next moment in study time."""
    entries = {entry.job: entry for entry in read(app.settings.schedule)}
    with Session(app.engine) as session:
        return [
            {
                "job": job,
                "rhythm": app.settings.schedule.get(job, "off"),
                "last": last.state if (last := _last(session, job)) else "never",
                "ended": _local(last.finished_at, app) if last else "",
                "said": (last.error or _counts(last.outcome)) if last else "",
                "next": _local(entries[job].following(now, app.zone), app) if job in entries else "",
            }
            for job in {**dict.fromkeys(app.settings.schedule), **JOBS}
        ]


def request(app: App, job: str, now: datetime) -> None:
    """Ask the scheduler for a run of `job`; asking twice while it waits is asking once.

    Raises
    ------
    SurveyError
        There is no job of that name.
    """
    if job not in JOBS:
        raise SurveyError(f"no job named {job!r}", cure=f"use one of {', '.join(JOBS)}")
    with Session(app.engine) as session:
        waiting = select(Run).where(Run.job == job, Run.state == "requested")
        if session.exec(waiting).first() is None:
            session.add(Run(job=job, key=claims.asked_key(job, claims.REQUESTED, now), asked_at=now))
            session.commit()


def pulse(app: App, now: datetime, silent: timedelta = heart.STALE) -> str:
    """Whether a scheduler works here, in a line."""
    found = heart.read(app.engine)
    if found is None:
        return "No scheduler has worked on this database yet."
    if found.has_left:
        return f"No scheduler works here: the last one was stopped in good order ({found})."
    if heart.is_far(now, found.beat, silent):
        return f"The scheduler's heart has stopped ({found})."
    return f"A scheduler works here ({found})."


def alarms(app: App, now: datetime, silent: timedelta = heart.STALE) -> list[Finding]:
    """What somebody must look at: a heart without a beat for so long, jobs that failed or are late."""
    found = heart.read(app.engine)
    if found is None:
        message = "no scheduler has ever worked on this database; start `survey schedule run`."
        return [Finding("error", "schedule.never", app.settings.study.name, message)]
    if found.beat - now > silent:
        message = f"the last beat ({found}) lies ahead of this machine's clock; compare the clocks."
        return [Finding("error", "schedule.clock", app.settings.study.name, message)]
    if now - found.beat > silent:
        message = f"no beat for {_minutes(now - found.beat)} minutes ({found}); start the scheduler again."
        return [Finding("error", "schedule.silent", app.settings.study.name, message)]
    with Session(app.engine) as session:
        entries = read(app.settings.schedule)
        return [finding for entry in entries for finding in _alarm(session, entry, app, now)]


def _alarm(session: Session, entry: Entry, app: App, now: datetime) -> Iterator[Finding]:
    moment = entry.latest(now, app.zone)
    run = session.exec(select(Run).where(Run.key == claims.key(entry, app, now))).one_or_none()
    state = run.state if run else "never begun"
    if run and state == "failed":
        left = claims.TRIES - int(run.outcome.get("tries", 1))
        level = "warning" if left > 0 else "error"
        again = f"{left} tries are left" if left > 0 else "it is not tried again before its next moment"
        message = f"its run of {_local(moment, app)} failed; {again}: {run.error}"
        yield Finding(level, "schedule.failed", entry.job, message)
    elif state != "done" and now - moment > LATE:
        message = f"its run of {_local(moment, app)} is {state}; see the log, or `survey schedule list`."
        yield Finding("error", "schedule.late", entry.job, message)


def _minutes(length: timedelta) -> int:
    return int(length.total_seconds() // 60)


def _last(session: Session, job: str) -> Run | None:
    return session.exec(select(Run).where(Run.job == job).order_by(col(Run.id).desc())).first()


def _local(moment: datetime | None, app: App) -> str:
    return moment.astimezone(app.zone).strftime("%Y-%m-%d %H:%M") if moment else ""


def _counts(outcome: dict[str, Any]) -> str:
    return ", ".join(f"{value} {name}" for name, value in outcome.items() if value)
