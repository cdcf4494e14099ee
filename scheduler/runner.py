"""The clockwork: which jobs are due now, each claimed once, run, and written into the journal.

The journal is the table `run`. A run is claimed by its key (job and due moment), kept alive by a heartbeat,
and taken up again when the heartbeat is stale or when it failed a while ago; jobs make good what is missing,
so a run that was cut short is simply run again. APScheduler only ticks (`serve`); what it does can be done by
hand or by cron through `tick` and `once`. One scheduler works on a database at a time (`sole`).
"""

import fcntl
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import Engine, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from scheduler.jobs import JOBS, Job
from scheduler.timetable import read
from survey.app import App
from survey.errors import SurveyError, told
from survey.models import Run
from survey.store import finish_run

log = logging.getLogger(__name__)

BEAT_SECONDS = 60
STALE = timedelta(minutes=10)
PAUSE = timedelta(minutes=15)
TRIES = 4
HEART = "scheduler"
LOCK_NUMBER = 0x52455455  # any fixed number; it names our advisory lock in PostgreSQL


class SchedulerBusy(SurveyError):
    """Another scheduler works on this database."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run as it ended: `state` done or failed, what it counted, and how long it took (seconds)."""

    job: str
    key: str
    state: str
    outcome: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0


def tick(app: App, clock: Callable[[], datetime], *, jobs: Mapping[str, Job] = JOBS) -> list[Ran]:
    """Run what the timetable and the requests ask for at this moment, in the order of the timetable."""
    now = clock()
    _beat_heart(app.engine, now)
    claimed = [run for job, key in _due(app, now) if (run := _claim(app.engine, job, key, now))]
    claimed += _requested(app.engine, now)
    return [_run(app, run, clock, jobs) for run in claimed]


def once(app: App, job: str, clock: Callable[[], datetime], *, jobs: Mapping[str, Job] = JOBS) -> Ran:
    """Run one job now, whatever the timetable says; it is journalled like any other."""
    now = clock()
    keys = (f"{job} by hand {now:%Y-%m-%dT%H:%M:%SZ} {number}" for number in count(1))
    run = next(run for key in keys if (run := _claim(app.engine, job, key, now, new=True)))
    return _run(app, run, clock, jobs)


def serve(app: App, clock: Callable[[], datetime]) -> None:
    """Tick every minute until stopped. A tick that dies ends the process, so that its keeper restarts it."""
    from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
    from apscheduler.schedulers.blocking import BlockingScheduler

    scheduler = BlockingScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )

    def stop(event: JobExecutionEvent) -> None:
        log.error("scheduler.stopped error=%s", type(event.exception).__name__)
        scheduler.shutdown(wait=False)

    scheduler.add_job(tick, "cron", args=(app, clock), minute="*", id="tick", next_run_time=datetime.now(UTC))
    scheduler.add_listener(stop, EVENT_JOB_ERROR)
    with sole(app.engine):
        scheduler.start()


@contextmanager
def sole(engine: Engine) -> Iterator[None]:
    """Hold the right to be this database's only scheduler.

    PostgreSQL keeps it as an advisory lock, which ends with the connection; beside an SQLite file it is a
    locked file, which ends with the process. A database in memory belongs to its process already.

    Raises
    ------
    SchedulerBusy
        Another process holds it.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            if not connection.execute(text("select pg_try_advisory_lock(:n)"), {"n": LOCK_NUMBER}).scalar():
                raise _busy()
            yield
    elif engine.url.database in (None, "", ":memory:"):
        yield
    else:
        with Path(f"{engine.url.database}.scheduler").open("w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise _busy() from None
            yield


def _busy() -> SchedulerBusy:
    return SchedulerBusy("another scheduler works on this database", cure="stop it, or let it do the work")


def _due(app: App, now: datetime) -> list[tuple[str, str]]:
    zone = app.settings.zone
    moments = [(entry.job, entry.latest(now, zone)) for entry in read(app.settings.schedule)]
    return [(job, f"{job} {moment:%Y-%m-%dT%H:%MZ}") for job, moment in moments]


def _claim(engine: Engine, job: str, key: str, now: datetime, *, new: bool = False) -> Run | None:
    """The run of this key if it is ours to run: new, or (unless it must be) stale or failed a while ago."""
    with Session(engine, expire_on_commit=False) as session:
        seen = session.exec(select(Run).where(Run.key == key)).one_or_none()
        if seen is None:
            run = Run(job=job, key=key, state="running", asked_at=now, started_at=now, heartbeat_at=now)
            session.add(run)
            try:
                session.commit()
            except IntegrityError:  # somebody claimed it between our two statements
                return None
            return run
        return seen if not new and _may_be_taken_up(seen, now) and _take(session, seen, now) else None


def _may_be_taken_up(run: Run, now: datetime) -> bool:
    if run.state == "running":
        return run.heartbeat_at is None or now - run.heartbeat_at > STALE
    tries = int(run.outcome.get("tries", 1))
    waited = run.finished_at is None or now - run.finished_at >= PAUSE
    return run.state == "failed" and tries < TRIES and waited


def _requested(engine: Engine, now: datetime) -> list[Run]:
    with Session(engine, expire_on_commit=False) as session:
        asked = session.exec(select(Run).where(Run.state == "requested").order_by(col(Run.id))).all()
        return [run for run in asked if _take(session, run, now)]


def _take(session: Session, run: Run, now: datetime) -> bool:
    """Make a waiting run ours unless somebody was quicker: the row must still be as it was seen."""
    unchanged = (col(Run.id) == run.id) & (col(Run.state) == run.state)
    unchanged &= (
        col(Run.heartbeat_at) == run.heartbeat_at if run.heartbeat_at else col(Run.heartbeat_at).is_(None)
    )
    values: dict[str, Any] = {"state": "running", "heartbeat_at": now, "finished_at": None, "error": ""}
    values["started_at"] = run.started_at or now
    taken = session.exec(update(Run).where(unchanged).values(**values))
    session.commit()
    session.refresh(run)
    return bool(taken.rowcount == 1)


def _run(app: App, run: Run, clock: Callable[[], datetime], jobs: Mapping[str, Job]) -> Ran:
    began, tries = monotonic(), int(run.outcome.get("tries", 0)) + 1
    assert run.id is not None
    run_id = run.id
    outcome: dict[str, Any] = {}
    state, error = "done", ""
    try:
        with _alive(app.engine, run_id, clock):
            outcome = dict(_job(jobs, run.job)(app, clock(), run_id))
    except Exception as fault:
        state, error = "failed", told(fault) or f"{type(fault).__name__} at {_place(fault)}"
    if state == "failed":
        outcome = {"tries": tries}
    with Session(app.engine) as session:
        finish_run(session, session.get_one(Run, run.id), now=clock(), outcome=outcome, error=error)
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


@contextmanager
def _alive(engine: Engine, run_id: int, clock: Callable[[], datetime]) -> Iterator[None]:
    """Beat while the job works, so that nobody else takes it for dead."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            with Session(engine) as session:
                session.exec(update(Run).where(Run.id == run_id).values(heartbeat_at=clock()))  # type: ignore
                session.commit()

    heart = threading.Thread(target=beat, name=f"heartbeat-{run_id}", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


def _beat_heart(engine: Engine, now: datetime) -> None:
    with Session(engine) as session:
        heart = session.exec(select(Run).where(Run.key == HEART)).one_or_none()
        heart = heart or Run(job=HEART, key=HEART, state="running", started_at=now)
        heart.heartbeat_at = now
        session.add(heart)
        session.commit()
