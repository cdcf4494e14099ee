"""Who runs what: claiming runs in the journal by their key, and taking up those that were cut short.

A run is claimed by its key (job and due moment), once. It is taken up again when its heartbeat is stale or
when it failed a while ago, four tries at most, whoever died of it. Of what is left over from dead processes,
runs that somebody asked for are done again; the others are closed, since a later moment has made them good.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from scheduler.heart import HEART, STALE, is_far
from scheduler.timetable import Entry, read
from survey.app import App
from survey.models import Run
from survey.store import finish_run

log = logging.getLogger(__name__)

PAUSE = timedelta(minutes=15)
TRIES = 4
BY_HAND, REQUESTED = "by hand", "requested"


def due(app: App, now: datetime) -> list[tuple[str, str]]:
    """Each job of the timetable with the key of its latest moment, in the order of the timetable."""
    return [(entry.job, key(entry, app, now)) for entry in read(app.settings.schedule)]


def key(entry: Entry, app: App, now: datetime) -> str:
    """The key of the run that the latest moment of an entry asks for."""
    return f"{entry.job} {entry.latest(now, app.zone):%Y-%m-%dT%H:%MZ}"


def asked_key(job: str, how: str, now: datetime, number: int = 1) -> str:
    """The key of a run that a person wants: `how` is BY_HAND or REQUESTED."""
    return f"{job} {how} {now:%Y-%m-%dT%H:%M:%S.%fZ} {number}"


def claim(engine: Engine, job: str, key: str, now: datetime, *, new: bool = False) -> Run | None:
    """The run of this key if it is ours: new, or (unless it must be) cut short or failed a while ago."""
    with Session(engine, expire_on_commit=False) as session:
        seen = session.exec(select(Run).where(Run.key == key)).one_or_none()
        if seen is not None:
            return None if new else _take_up(session, seen, now)
        run = Run(job=job, key=key, state="running", asked_at=now, started_at=now, heartbeat_at=now)
        run.outcome = {"tries": 1}
        session.add(run)
        try:
            session.commit()
        except IntegrityError:  # somebody claimed it between our two statements
            return None
        return run


def asked(engine: Engine, clock: Callable[[], datetime]) -> Iterator[Run]:
    """Runs that were requested, each claimed when it is its turn."""
    with Session(engine, expire_on_commit=False) as session:
        waiting = session.exec(select(Run).where(Run.state == "requested").order_by(col(Run.id))).all()
        for run in waiting:
            if _take(session, run, clock()):
                yield run


def left_over(engine: Engine, clock: Callable[[], datetime]) -> Iterator[Run]:
    """Runs of processes that died: those that somebody asked for, to be done again; the others are closed."""
    with Session(engine, expire_on_commit=False) as session:
        standing = select(Run).where(Run.state == "running", Run.key != HEART).order_by(col(Run.id))
        for run in session.exec(standing).all():
            now = clock()
            if not is_far(now, run.heartbeat_at, STALE):
                continue
            if not (f" {BY_HAND} " in run.key or f" {REQUESTED} " in run.key):
                _close(session, run, now, "cut short; later runs of this job made it good")
            elif taken := _take_up(session, run, now):
                yield taken


def _take_up(session: Session, run: Run, now: datetime) -> Run | None:
    """A run that was cut short or failed a while ago, made ours; None where it waits or has had its tries."""
    tries = int(run.outcome.get("tries", 1))
    if run.state == "running" and is_far(now, run.heartbeat_at, STALE):
        if tries < TRIES:
            return run if _take(session, run, now) else None
        _close(session, run, now, f"cut short {tries} times")
    elif run.state == "failed" and tries < TRIES and is_far(now, run.finished_at, PAUSE):
        return run if _take(session, run, now) else None
    return None


def _take(session: Session, run: Run, now: datetime) -> bool:
    """Make a waiting run ours unless somebody was quicker: the row must still be as it was seen."""
    unchanged = (col(Run.id) == run.id) & (col(Run.state) == run.state)
    unchanged &= (
        col(Run.heartbeat_at) == run.heartbeat_at if run.heartbeat_at else col(Run.heartbeat_at).is_(None)
    )
    tries = 1 if run.state == "requested" else int(run.outcome.get("tries", 1)) + 1
    values: dict[str, Any] = {"state": "running", "heartbeat_at": now, "finished_at": None, "error": ""}
    values |= {"started_at": run.started_at or now, "outcome": {"tries": tries}}
    taken = session.exec(update(Run).where(unchanged).values(**values))
    session.commit()
    session.refresh(run)
    session.commit()  # reading began a transaction; none stays open while a job works
    return bool(taken.rowcount == 1)


def _close(session: Session, run: Run, now: datetime, why: str) -> None:
    outcome = {"tries": int(run.outcome.get("tries", 1))}
    finish_run(session, run, now=now, outcome=outcome, error=why)
    log.warning("run.closed job=%s why=%s", run.job, why)
