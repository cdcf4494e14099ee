"""The right to push: one process at a time sends the rows of a database, and loses it with its life.

Two operators who press the same button would otherwise both make an app user who is not there yet.
PostgreSQL keeps the right as an advisory lock on a connection of its own; beside an SQLite file it is a
locked file; a database in memory belongs to its process already.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

LOCK_NUMBER = 0x50555348  # any fixed number; it names our advisory lock in PostgreSQL


@contextmanager
def alone(engine: Engine) -> Iterator[bool]:
    """Whether nobody else pushes from this database; if so, nobody will until the block ends."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # it ends with this process at the latest, and takes the lock along
            number = {"n": LOCK_NUMBER}
            free = bool(connection.execute(text("select pg_try_advisory_lock(:n)"), number).scalar())
            try:
                yield free
            finally:
                if free:
                    connection.execute(text("select pg_advisory_unlock(:n)"), number)
    elif engine.url.database in (None, "", ":memory:"):
        yield True
    else:
        with Path(f"{engine.url.database}.push").open("w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
