"""The right to be a database's only scheduler: held by one process, lost with that process however it ends.

PostgreSQL keeps it as an advisory lock on a connection of its own; beside an SQLite file it is a locked file.
A database in memory belongs to its process already. Who holds it is written into the heart's row, which is
what a second scheduler is told. A holder asks before each tick whether the right is still its own, since a
connection can break and a file can be deleted.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from scheduler import heart
from survey.errors import SurveyError

LOCK_NUMBER = 0x52455455  # any fixed number; it names our advisory lock in PostgreSQL

Check = Callable[[], None]


class SchedulerBusy(SurveyError):
    """Another scheduler works on this database."""


class RightLost(SurveyError):
    """The right to be the only scheduler went away while it was held."""


@contextmanager
def sole(engine: Engine, clock: Callable[[], datetime], *, trust_clock: bool = False) -> Iterator[Check]:
    """Hold the right to be this database's only scheduler; the check that comes back raises `RightLost`.

    Raises
    ------
    SchedulerBusy
        Another process holds it; the message says which and since when.
    ClockBehind
        This machine's clock is more than a day behind the journal.
    """
    with _held(engine) as check:
        heart.take(engine, clock(), trust_clock=trust_clock)
        yield check
        heart.leave(engine, clock())


@contextmanager
def _held(engine: Engine) -> Iterator[Check]:
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # it ends with this block and takes the lock along
            if not connection.execute(text("select pg_try_advisory_lock(:n)"), {"n": LOCK_NUMBER}).scalar():
                raise _busy(engine)
            try:
                yield lambda: _answers(connection)
            finally:
                with suppress(SQLAlchemyError):  # the server ends a closed connection only later
                    connection.execute(text("select pg_advisory_unlock(:n)"), {"n": LOCK_NUMBER})
    elif engine.url.database in (None, "", ":memory:"):
        yield lambda: None
    else:
        place = Path(f"{engine.url.database}.scheduler")
        with place.open("w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise _busy(engine) from None
            yield lambda: _is_the_file(file, place)


def _answers(connection: Connection) -> None:
    """The lock lives as long as the connection that took it."""
    try:
        connection.execute(text("select 1"))
    except DBAPIError:
        raise RightLost(
            "the connection that held the scheduler's lock broke", cure="start it again when the server is up"
        ) from None


def _is_the_file(file: TextIO, place: Path) -> None:
    """Whoever deletes the file lets a second scheduler lock a new one."""
    if not place.exists() or place.stat().st_ino != os.fstat(file.fileno()).st_ino:
        raise RightLost(
            "the scheduler's lock file was deleted", where=str(place), cure="start the scheduler again"
        )


def _busy(engine: Engine) -> SchedulerBusy:
    holder = heart.read(engine)
    return SchedulerBusy(
        "another scheduler works on this database",
        where=str(holder) if holder else "",
        cure="let it do the work, or stop it first",
    )
