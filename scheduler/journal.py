"""Reading the journal of runs: how each job of the timetable stands, and asking for a run.

Whoever wants a run while a scheduler is at work writes a row in state *requested*; the scheduler takes it up
at its next tick. Claiming and running is in `scheduler.runner`.
"""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from scheduler.jobs import JOBS
from scheduler.timetable import read
from survey.app import App
from survey.errors import SurveyError
from survey.models import Run


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
            session.add(Run(job=job, key=f"{job} requested {now.isoformat()}", asked_at=now))
            session.commit()


def _last(session: Session, job: str) -> Run | None:
    return session.exec(select(Run).where(Run.job == job).order_by(col(Run.id).desc())).first()


def _local(moment: datetime | None, app: App) -> str:
    return moment.astimezone(app.zone).strftime("%Y-%m-%d %H:%M") if moment else ""


def _counts(outcome: dict[str, Any]) -> str:
    return ", ".join(f"{value} {name}" for name, value in outcome.items() if value)
