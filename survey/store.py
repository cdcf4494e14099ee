"""The database: opening it, bringing its schema up to date, adding rows, redacting a person.

SQLite by default (write-ahead log, foreign keys, a busy wait of 15 s), PostgreSQL by address; both mean the
same. Raw rows are only ever added (`append`); triggers of the first migration refuse everything else. The
one exception is `redact`: it writes a dated tombstone, and only then may the payloads of that person's rows
become blank. What the tables are is in `survey.models`; what a job does with them is in the job's module.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any
from xml.etree import ElementTree

from sqlalchemy import Connection, Engine, ExceptionContext, StaticPool, create_engine, event, func, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, col, select

from survey.errors import NotAllowed, StoreOutdated, StoreUnreachable, SurveyError
from survey.models import (
    Case,
    Contact,
    Correction,
    Outbox,
    Redaction,
    Run,
    Submission,
    SubmissionEvent,
)

log = logging.getLogger(__name__)

HEAD = "0005"
"""The newest migration; a test holds it to the files."""

PRAGMAS = {
    "journal_mode": "WAL",
    "foreign_keys": "ON",
    "busy_timeout": "15000",
    "recursive_triggers": "ON",
    "secure_delete": "ON",
}
READING = ("SELECT", "PRAGMA", "EXPLAIN")

LABELS = ("case_id", "panel_id", "entity")
"""Elements of a submission that say whose it is; of the entity it is the id."""


def connect(url: str, folder: Path | None = None, *, create: bool = False) -> Engine:
    """An engine, tried once; a relative SQLite file lies in `folder` and must exist, or `create`.

    Raises
    ------
    StoreUnreachable
        There is no such file, no such server, or no right to open it.
    """
    address = _located(make_url(url), folder)
    where = address.render_as_string(hide_password=True)
    file = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
    if file and file.name and file.name != ":memory:" and not file.exists() and not create:
        raise StoreUnreachable(
            "there is no database yet", where=str(file), cure="make it with `survey db upgrade`"
        )
    engine = _engine(address)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        engine.dispose()
        raise StoreUnreachable("the database does not open", where=where, cure=_reason(error)) from None
    return engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`; nothing happens where it is there already.

    Raises `StoreOutdated` for a database of a later version than this one.
    """
    from alembic import command

    with engine.connect() as connection:
        found = _revision(connection)
        if revision == "head" and found == HEAD:
            return
        if found > HEAD:
            raise _newer(engine, found)
        command.upgrade(_alembic(connection), revision)
        connection.commit()
    log.info("store.upgraded revision=%s", revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the schema back to `revision`; `base` drops every table."""
    from alembic import command

    with engine.connect() as connection:
        command.downgrade(_alembic(connection), revision)
        connection.commit()


def require_current(engine: Engine) -> None:
    """Raise `StoreOutdated` unless the schema is the one this version needs."""
    with engine.connect() as connection:
        found = _revision(connection)
    if found > HEAD:
        raise _newer(engine, found)
    if found != HEAD:
        raise StoreOutdated(
            f"the database has schema {found or 'none'}, this version needs {HEAD}",
            where=engine.url.render_as_string(hide_password=True),
            cure="back it up, then run `survey db upgrade`",
        )


def _newer(engine: Engine, found: str) -> StoreOutdated:
    """Migrations are numbered, so a greater number was made by a later version than this one."""
    return StoreOutdated(
        f"the database has schema {found}, this version knows up to {HEAD}",
        where=engine.url.render_as_string(hide_password=True),
        cure="install the version of returnee-panel that made it, or restore a backup",
    )


def differences(engine: Engine) -> list[str]:
    """What the tables have and `survey.models` does not, or the reverse; empty when they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from survey.models import metadata

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(item) for item in compare_metadata(context, metadata)]


def append(session: Session, rows: Iterable[Submission | SubmissionEvent | Correction]) -> int:
    """How many of `rows` were new; a submission already stored (form, instance, digest) is left as it is.

    Safe against another writer that adds the same row meanwhile. The caller commits.
    """
    added = 0
    for row in rows:
        if isinstance(row, Submission) and _is_stored(session, row):
            continue
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:
            if not (isinstance(row, Submission) and _is_stored(session, row)):
                raise
        else:
            added += 1
    return added


def redact(
    session: Session, case_id: str, *, who: str, why: str, now: datetime, instances: Iterable[str] = ()
) -> Redaction:
    """Blank everything a person told us and leave a dated tombstone; the caller commits.

    Taken are the submissions that name the case, its panel card or its entity, and the `instances` given.
    Their rows, events and corrections stay, without payload; the contact goes and outgoing messages are
    emptied. The status of the case is left to `survey.cases`. Raises `LookupError` for an unknown case.
    """
    case = session.exec(select(Case).where(Case.case_id == case_id)).one_or_none()
    if case is None:
        raise LookupError(f"no case {case_id!r}")
    ids = instances_of(session, case) | set(instances)
    raw = _of(session, Submission, ids)
    tomb = Redaction(case_id=case_id, at=now, who=who, why=why, submissions=len(raw))
    session.add(tomb)
    session.flush()
    for submission in raw:
        submission.xml, submission.meta, submission.redaction_id = "", {}, tomb.id
    for happened in _of(session, SubmissionEvent, ids):
        happened.meta, happened.redaction_id = {}, tomb.id
    for correction in _of(session, Correction, ids):
        correction.old, correction.new, correction.why, correction.redaction_id = "", "", "", tomb.id
    for message in session.exec(select(Outbox).where(Outbox.case_id == case_id)):
        message.payload = {}
    if contact := session.get(Contact, case_id):
        session.delete(contact)
    session.flush()
    log.warning("store.redacted case=%s tombstone=%s submissions=%s", case_id, tomb.id, len(raw))
    return tomb


def instances_of(session: Session, case: Case) -> set[str]:
    """Instances whose XML names the case by its number, its panel card or its entity."""
    marks = {("case_id", case.case_id), ("panel_id", case.panel_id), ("entity", case.entity_uuid)}
    found = set()
    for _, value in marks:
        if not value:
            continue
        holds = col(Submission.xml).contains(value, autoescape=True)
        for submission in session.exec(select(Submission).where(holds)):
            if marks & _labels(submission.xml):
                found.add(submission.instance_id)
    return found


@dataclass(slots=True)
class Recorded:
    """A run while it lasts: its number, and the outcome that the journal will keep."""

    id: int
    outcome: dict[str, Any] = field(default_factory=dict)


@contextmanager
def recorded(engine: Engine, job: str, clock: Callable[[], datetime], *, key: str = "") -> Iterator[Recorded]:
    """Keep a journal row for what is done inside: done with its outcome, or failed with its error."""
    with Session(engine) as session:
        row = start_run(session, job, now=clock(), key=key)
        assert row.id is not None
        run = Recorded(row.id)
        try:
            yield run
        except BaseException as error:
            told = str(error) if isinstance(error, SurveyError) else type(error).__name__
            finish_run(session, row, now=clock(), outcome=run.outcome, error=told)
            raise
        finish_run(session, row, now=clock(), outcome=run.outcome)


def start_run(session: Session, job: str, *, now: datetime, key: str = "") -> Run:
    """A run row in state running, committed; a key that was claimed before raises `NotAllowed`.

    Without a key the run is one more of its job, as when a person asks for it.
    """
    lock(session)
    before = session.exec(select(func.count()).select_from(Run).where(Run.job == job)).one()
    run = Run(
        job=job,
        key=key or f"{job} {now.isoformat()} {before + 1}",
        state="running",
        started_at=now,
        heartbeat_at=now,
    )
    session.add(run)
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        raise NotAllowed(
            f"run {run.key!r} was claimed before",
            where="table run",
            cure="wait for it, or look at `survey status`",
        ) from None
    session.refresh(run)
    return run


def finish_run(
    session: Session, run: Run, *, now: datetime, outcome: dict[str, Any] | None = None, error: str = ""
) -> None:
    """Close a run as done, or as failed when there is an error text; commits."""
    run.state, run.finished_at, run.heartbeat_at = ("failed" if error else "done"), now, now
    run.outcome, run.error = outcome or {}, error
    session.add(run)
    session.commit()


def lock(session: Session) -> None:
    """Take SQLite's write lock now, before reading: what is read then still holds when it is written.

    Other writers wait up to 15 s: keep it short, never across the network. PostgreSQL needs no such lock.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        _begin_sqlite(connection, None, "lock", None, None, False)


def _located(address: URL, folder: Path | None) -> URL:
    if address.get_backend_name() == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    relative = (
        address.database and address.database != ":memory:" and not Path(address.database).is_absolute()
    )
    return address.set(database=str((folder or Path()) / str(address.database))) if relative else address


def _engine(address: URL) -> Engine:
    options: dict[str, Any] = {"hide_parameters": True}
    sqlite = address.get_backend_name() == "sqlite"
    if sqlite and address.database in (None, "", ":memory:"):
        options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    try:
        engine = create_engine(address, **options)
    except ModuleNotFoundError as error:
        raise StoreUnreachable(
            f"the driver {error.name} for PostgreSQL is not installed",
            cure="install returnee-panel[postgres]",
        ) from None
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "before_cursor_execute", _begin_sqlite)
    event.listen(engine, "handle_error", _refused_by_guard)
    return engine


def _prepare_sqlite(connection: SQLiteConnection, record: object) -> None:
    """Pragmas of every connection: REPLACE fires the guards, what is blanked does not stay in free pages."""
    connection.isolation_level = None  # transactions begin in `_begin_sqlite`, savepoints included
    for name, value in PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")


def _begin_sqlite(
    connection: Connection, cursor: object, statement: str, parameters: object, context: object, many: bool
) -> None:
    """Begin a transaction with the write lock before the first statement that writes.

    Reading alone holds nothing, so that a job may read, ask Central and then write although others wrote
    meanwhile; a transaction begun by reading would then fail. It is what PostgreSQL does by default.
    """
    raw = connection.connection.dbapi_connection
    if not statement.lstrip().upper().startswith(READING) and not getattr(raw, "in_transaction", True):
        assert raw is not None
        raw.execute("BEGIN IMMEDIATE")


def _refused_by_guard(context: ExceptionContext) -> None:
    message = str(context.original_exception)
    if "is append-only" in message:
        table = message.partition(" is append-only")[0].split()[-1]
        raise NotAllowed(
            f"rows of {table} cannot be changed or deleted",
            where=f"table {table}",
            cure="record a correction, or use store.redact for a withdrawal",
        )


def _alembic(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _reason(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _is_stored(session: Session, row: Submission) -> bool:
    same = (
        (Submission.form_id == row.form_id)
        & (Submission.instance_id == row.instance_id)
        & (Submission.digest == row.digest)
    )
    return session.exec(select(func.count()).select_from(Submission).where(same)).one() > 0


def _of(session: Session, table: Any, ids: set[str]) -> list[Any]:
    """Rows of these instances that carry a payload still."""
    chosen = col(table.instance_id).in_(ids) & col(table.redaction_id).is_(None)
    return list(session.exec(select(table).where(chosen)))


def _labels(xml: str) -> set[tuple[str, str | None]]:
    """What a submission says about whose it is, as (label, value)."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return set()
    named = ((element.tag.rpartition("}")[2], element) for element in root.iter())
    return {
        (name, element.get("id") if name == "entity" else (element.text or "").strip())
        for name, element in named
        if name in LABELS
    }
