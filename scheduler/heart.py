"""The heart of the scheduler: a row of the journal that says who works here, since when, and the last beat.

The row has a key of its own (`HEART`). Whoever takes the scheduler's right (`scheduler.lock`) takes the row;
every tick and every minute of a job beats it. From it others read whether the scheduler lives (`read`,
`is_far`). A beat long after `now` tells that this machine's clock is wrong: jobs open and close windows by
the date, so work is refused then rather than done on a wrong day. An hour back, as when a clock is mended,
is no harm.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from survey.errors import SurveyError
from survey.models import Run

log = logging.getLogger(__name__)

HEART = "scheduler"
BEAT_SECONDS = 60
STALE = timedelta(minutes=10)  # after so long without a beat, a run or a scheduler is taken for dead
BACKWARDS = timedelta(days=1)  # by how much a clock may be set back


class ClockBehind(SurveyError):
    """This machine's clock is far behind the journal."""


@dataclass(frozen=True, slots=True)
class Heart:
    """Who holds the right or held it last: process and machine, since when, last beat, whether it left."""

    process: str
    since: datetime
    beat: datetime
    has_left: bool

    def __str__(self) -> str:
        return f"{self.process}, since {_said(self.since)}, last beat {_said(self.beat)}"


def is_far(now: datetime, moment: datetime | None, limit: timedelta) -> bool:
    """Whether a moment lies further from now than `limit`, before or (the clock was set back) after it."""
    return moment is None or abs(now - moment) > limit


def read(engine: Engine) -> Heart | None:
    """The heart as it beat last; None where no scheduler has ever worked."""
    with Session(engine) as session:
        row = session.exec(select(Run).where(Run.key == HEART)).one_or_none()
        if row is None or row.heartbeat_at is None:
            return None
        process = str(row.outcome.get("process", "a scheduler"))
        return Heart(process, row.started_at or row.heartbeat_at, row.heartbeat_at, row.state == "done")


def take(engine: Engine, now: datetime, *, trust_clock: bool = False) -> None:
    """Put this process into the row. Raises `ClockBehind` unless the clock is trusted whatever it says."""
    with Session(engine) as session:
        row = session.exec(select(Run).where(Run.key == HEART)).one_or_none() or Run(job=HEART, key=HEART)
        if not trust_clock:
            _require_clock(now, row.heartbeat_at)
        row.state, row.started_at, row.heartbeat_at, row.finished_at = "running", now, now, None
        row.outcome = {"process": f"process {os.getpid()} on {socket.gethostname()}"}
        session.add(row)
        session.commit()


def leave(engine: Engine, now: datetime) -> None:
    """Note that the holder went in good order."""
    with Session(engine) as session:
        session.exec(update(Run).where(col(Run.key) == HEART).values(state="done", finished_at=now))
        session.commit()


def beat(engine: Engine, now: datetime, run_id: int | None = None) -> None:
    """Beat the heart, and the run that is at work. Raises `ClockBehind`."""
    with Session(engine) as session:
        row = session.exec(select(Run).where(Run.key == HEART)).one_or_none()
        row = row or Run(job=HEART, key=HEART, state="running", started_at=now)
        _require_clock(now, row.heartbeat_at)
        row.heartbeat_at = now
        session.add(row)
        if run_id is not None:
            session.exec(update(Run).where(col(Run.id) == run_id).values(heartbeat_at=now))
        session.commit()


@contextmanager
def beating(engine: Engine, run_id: int, clock: Callable[[], datetime]) -> Iterator[None]:
    """Beat while a job works, so that nobody else takes it for dead. A beat that fails is left out."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(BEAT_SECONDS):
            try:
                beat(engine, clock(), run_id)
            except (SQLAlchemyError, ClockBehind) as error:
                log.warning("heart.missed run=%s error=%s", run_id, type(error).__name__)

    thread = threading.Thread(target=keep, name=f"heartbeat-{run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _require_clock(now: datetime, last: datetime | None) -> None:
    if last is not None and last - now > BACKWARDS:
        raise ClockBehind(
            f"this machine's clock says {_said(now)}, the scheduler's last beat was at {_said(last)}",
            cure="set the clock; if it is right, start `survey schedule run --trust-clock` once",
        )


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
