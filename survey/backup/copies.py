"""Copying a database of either kind while it is in use, and holding the copy against what was there.

SQLite is copied by its backup interface, PostgreSQL by `pg_dump`; both see the database as it was at one
moment, and its rows are counted at that same moment (`Facts`). A copy is then read from end to end by itself:
SQLite by `integrity_check`, a dump by having `pg_restore` write out every row. `load` makes a database of a
copy.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL

from survey.errors import BackupError

NAMES = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
REVISION = "alembic_version"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a database held at one moment: its kind, the revision of its schema, rows by table."""

    kind: str
    revision: str
    rows: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """The facts as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Facts":
        """The facts as they were written down."""
        return cls(str(told["kind"]), str(told["revision"]), {k: int(v) for k, v in told["rows"].items()})


def copy(engine: Engine, folder: Path, *, tools: str = "") -> tuple[Path, Facts]:
    """A copy of the database as a file in `folder`, and what was in the database at that moment.

    `tools` is the folder of pg_dump and pg_restore; empty to find them on the path.
    """
    file = folder / NAMES[engine.dialect.name]
    facts = _copy_sqlite(engine, file) if engine.dialect.name == "sqlite" else _dump(engine, file, tools)
    return file, facts


def examine(file: Path, *, tools: str = "") -> Facts:
    """What a copy holds, found by reading all of it. Raises `BackupError` for one that is damaged."""
    return _examine_sqlite(file) if file.name == NAMES["sqlite"] else _examine_dump(file, tools)


def require_same(wanted: Facts, found: Facts, where: Path) -> None:
    """Raise `BackupError` unless two databases hold the same."""
    if wanted == found:
        return
    tables = sorted(set(wanted.rows) | set(found.rows))
    other = [name for name in tables if wanted.rows.get(name) != found.rows.get(name)]
    what = f"rows of {', '.join(other)}" if other else f"schema {found.revision}, not {wanted.revision}"
    raise BackupError(f"the copy differs from the database: {what}", where=str(where), cure="make another")


def count(engine: Engine) -> Facts:
    """What a live database holds now."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return _count_postgres(connection)
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return _count_sqlite(raw)


def load(file: Path, url: URL, *, tools: str = "") -> None:
    """Make the database at `url` from a copy; it must not be there yet, or be empty (PostgreSQL)."""
    if file.name == NAMES["sqlite"]:
        target = Path(str(url.database))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        shutil.copyfile(file, part)
        part.chmod(0o600)
        part.rename(target)
        return
    options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
    _run("pg_restore", tools, url, [*options, f"--dbname={_address(url)}", str(file)])


def _copy_sqlite(engine: Engine, file: Path) -> Facts:
    with engine.connect() as connection, closing(sqlite3.connect(file)) as target:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.execute("BEGIN")  # what is counted and what is copied is one moment
        facts = _count_sqlite(source)
        source.backup(target)
        source.execute("COMMIT")
        target.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    return facts


def _examine_sqlite(file: Path) -> Facts:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copied:
            said = [row[0] for row in copied.execute("PRAGMA integrity_check(1)")]
            orphans = copied.execute("PRAGMA foreign_key_check").fetchone()
            if said == ["ok"] and orphans is None:
                return _count_sqlite(copied)
    except sqlite3.DatabaseError:
        pass
    raise BackupError("the copy of the database is damaged", where=str(file), cure="look at the disk")


def _count_sqlite(connection: sqlite3.Connection) -> Facts:
    named = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
    tables = [row[0] for row in named]
    rows = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    revision = (
        connection.execute(f"SELECT version_num FROM {REVISION}").fetchone() if REVISION in rows else None
    )
    return Facts("sqlite", revision[0] if revision else "", rows)


def _dump(engine: Engine, file: Path, tools: str) -> Facts:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        facts = _count_postgres(connection)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        where = [f"--file={file}", f"--dbname={_address(engine.url)}"]
        _run("pg_dump", tools, engine.url, [*options, *where])
    return facts


def _count_postgres(connection: Connection) -> Facts:
    named = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    tables = [row[0] for row in connection.execute(text(named))]
    rows = {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in tables}
    query = text(f"SELECT version_num FROM {REVISION}")
    return Facts("postgresql", connection.execute(query).scalar() or "" if REVISION in rows else "", rows)


def _examine_dump(file: Path, tools: str) -> Facts:
    """The rows of a dump, counted as `pg_restore` writes them out for a database to take in."""
    command = [_tool("pg_restore", tools), "--data-only", "--file=-", str(file)]
    rows: Counter[str] = Counter()
    revision, table = "", ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reading:
        assert reading.stdout is not None
        for line in reading.stdout:
            if table and line == b"\\.\n":
                table = ""
            elif table:
                rows[table] += 1
                revision = line.decode().strip() if table == REVISION else revision
            elif begun := re.match(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? .*FROM stdin;', line):
                table = begun[1].decode()
                rows[table] += 0
    if reading.returncode:
        raise BackupError("the dump of the database is damaged", where=str(file), cure="look at the disk")
    return Facts("postgresql", revision, dict(sorted(rows.items())))


def _run(tool: str, tools: str, url: URL, arguments: Sequence[str]) -> None:
    """Run a tool of PostgreSQL; the password goes by the environment, where no process list shows it."""
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    command = [_tool(tool, tools), "--no-password", *arguments]
    done = subprocess.run(command, env=os.environ | secret, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next(iter(done.stderr.strip().splitlines()), f"exit code {done.returncode}")
        raise BackupError(
            f"{tool} failed",
            where=url.render_as_string(hide_password=True),
            cure=said.removeprefix(f"{tool}: "),
        )


def _tool(name: str, tools: str) -> str:
    found = shutil.which(name, path=tools or None)
    if found is None:
        raise BackupError(
            f"{name} is not there, and a PostgreSQL database is not copied without it",
            where=tools or "PATH",
            cure="install the client tools of PostgreSQL, or name their folder in backup.postgres_tools",
        )
    return found


def _address(url: URL) -> str:
    """The address as libpq reads it, without the password."""
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return plain.render_as_string()
