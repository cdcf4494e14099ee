"""Where the stand-in keeps everything: one SQLite file, one connection, one lock.

`Store` gives the rooms rows, a clock and server-made identifiers. Identifiers come from the seed and a
counter that lives in the file, so the same calls in the same order give the same identifiers, also after a
restart. The tables follow Central's own nouns. Nothing here knows what a request is or what the rows mean.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = """
create table counter (kind text primary key, n integer not null) without rowid;
create table actor (id integer primary key, type text, displayName text, acteeId text, projectId integer,
  createdBy integer, createdAt text, updatedAt text, deletedAt text, email text, lastLoginAt text);
create table session (token text primary key, csrf text, actorId integer, createdAt text, expiresAt text);
create table project (id integer primary key, name text, description text, archived integer, acteeId text,
  createdAt text, updatedAt text, deletedAt text);
create table form (id integer primary key, projectId integer, xmlFormId text, state text, acteeId text,
  createdBy integer, createdAt text, updatedAt text, deletedAt text, currentDefId integer,
  draftDefId integer);
create index form_name on form (projectId, xmlFormId);
create unique index form_live on form (projectId, xmlFormId) where deletedAt is null;
create table form_def (id integer primary key, formId integer, version text, xml text, name text, hash text,
  sha text,
  sha256 text, xls integer, xlsType text, draftToken text, publishedAt text, publishedBy integer,
  schemaId integer);
create index form_def_form on form_def (formId, version);
create table form_attachment (formDefId integer, name text, type text, blobId integer, datasetId integer,
  updatedAt text, primary key (formDefId, name)) without rowid;
create table blob (id integer primary key, md5 text, contentType text, content blob, unique (md5,
  contentType));
create table assignment (id integer primary key, actorId integer, roleId integer, acteeId text,
  unique (actorId, roleId, acteeId));
create table submission (id integer primary key autoincrement, formId integer, instanceId text, draft integer,
  submitterId integer,
  deviceId text, userAgent text, createdAt text, updatedAt text, deletedAt text, reviewState text,
  event integer,
  unique (formId, instanceId, draft));
create index submission_order on submission (formId, draft, createdAt, id);
create table submission_def (id integer primary key autoincrement, submissionId integer, formDefId integer,
  instanceId text,
  instanceName text, xml blob, submitterId integer, deviceId text, userAgent text, createdAt text,
  current integer,
  root integer);
create index submission_def_of on submission_def (submissionId, current);
create index submission_def_instance on submission_def (instanceId);
create table submission_attachment (defId integer, name text, blobId integer, primary key (defId,
  name)) without rowid;
create table comment (id integer primary key, submissionId integer, actorId integer, body text,
  createdAt text);
create table dataset (id integer primary key, projectId integer, name text, acteeId text,
  approvalRequired integer, ownerOnly integer not null default 0,
  createdAt text, publishedAt text, deletedAt text);
create table dataset_form (datasetId integer, formDefId integer, actions text, path text, isRepeat integer,
  primary key (datasetId, formDefId)) without rowid;
create table property (id integer primary key, datasetId integer, name text, publishedAt text,
  publication integer, deletedAt text);
create table property_field (propertyId integer, formDefId integer, path text, place integer,
  primary key (propertyId, formDefId)) without rowid;
create table actor_property (id integer primary key, projectId integer, name text, unique (projectId, name));
create table actor_value (id integer primary key, actorId integer, propertyId integer, value text,
  unique (actorId, propertyId));
create table dataset_rule (datasetId integer, propertyId integer, actorPropertyId integer,
  primary key (datasetId, propertyId, actorPropertyId)) without rowid;
create table entity (id integer primary key, datasetId integer, uuid text unique, creatorId integer,
  conflict text,
  createdAt text, updatedAt text, deletedAt text);
create index entity_order on entity (datasetId, createdAt, id);
create table entity_def (id integer primary key, entityId integer, current integer, label text, data text,
  dataReceived text, version integer, baseVersion integer, conflictingProperties text, creatorId integer,
  userAgent text, createdAt text, branchId text, trunkVersion integer, branchBaseVersion integer,
  sourceId integer);
create index entity_def_of on entity_def (entityId, current);
create table source (id integer primary key, details text, submissionDefId integer, auditId integer);
create index source_of on source (submissionDefId);
create table backlog (auditId integer primary key, submissionId integer, submissionDefId integer,
  entityUuid text,
  branchId text, branchBaseVersion integer);
create table audit (id integer primary key, actorId integer, action text, acteeId text, details text,
  notes text,
  loggedAt text, submissionId integer, entityUuid text);
create index audit_submission on audit (submissionId);
create index audit_entity on audit (entityUuid);
create index audit_actee on audit (acteeId);
"""

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!$"

Row = sqlite3.Row


def iso(moment: datetime) -> str:
    """A moment as Central writes it: UTC with milliseconds and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Store:
    """The file, its lock, the clock and the maker of identifiers."""

    def __init__(self, path: Path, clock: Callable[[], datetime], seed: int | str) -> None:
        self.lock = threading.RLock()
        self._clock, self._seed = clock, str(seed)
        self._counters: dict[str, int] = {}
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=wal", "synchronous=normal", "cache_size=-65536", "temp_store=memory"):
            self._connection.execute(f"pragma {pragma}")
        if not self.value("select count(*) from sqlite_master where name = 'counter'"):
            self._connection.executescript(SCHEMA)

    def close(self) -> None:
        with self.lock:
            self._connection.close()

    # rows
    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row, or None."""
        found: Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def all(self, sql: str, *values: Any) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    def run(self, sql: str, *values: Any) -> int:
        """Changes rows and gives how many."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, **values: Any) -> int:
        """Adds a row and gives its number."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        what = f"({names}) values ({marks})" if values else "default values"
        cursor = self._connection.execute(f"insert into {table} {what}", tuple(values.values()))
        return cursor.lastrowid or 0

    def update(self, table: str, number: int, **values: Any) -> None:
        sets = ", ".join(f"{name} = ?" for name in values)
        self._connection.execute(f"update {table} set {sets} where id = ?", (*values.values(), number))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception takes everything back."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            for kind, n in self._counters.items():
                self.run("insert or replace into counter values (?, ?)", kind, n)
            raise
        self._connection.execute("commit")

    @contextmanager
    def step(self) -> Iterator[None]:
        """A part of a transaction that may fail on its own."""
        self._connection.execute("savepoint step")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback to step")
            self._connection.execute("release step")
            raise
        self._connection.execute("release step")

    # time and identifiers
    def now(self) -> str:
        return iso(self._clock())

    def moment(self) -> datetime:
        return self._clock().astimezone(UTC)

    def next(self, kind: str) -> int:
        """The next number of a kind; as in Central's database, a failed call still uses its numbers up."""
        n = self._counters.get(kind) or self.value("select n from counter where kind = ?", kind) or 0
        self._counters[kind] = n + 1
        self.run("insert or replace into counter values (?, ?)", kind, n + 1)
        return int(n) + 1

    def uuid(self) -> str:
        """A version 4 UUID made from the seed."""
        h = hashlib.sha256(f"{self._seed}/uuid/{self.next('uuid')}".encode()).hexdigest()
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"

    def token(self) -> str:
        """64 characters as Central makes its session tokens, from the seed."""
        digest = hashlib.sha512(f"{self._seed}/token/{self.next('token')}".encode()).digest()
        return "".join(ALPHABET[byte & 63] for byte in digest)

    def blob(self, content: bytes, content_type: str) -> int:
        """The number of a stored file; the same bytes of the same type are kept once."""
        md5 = hashlib.md5(content).hexdigest()
        found = self.value("select id from blob where md5 = ? and contentType = ?", md5, content_type)
        return found or self.insert("blob", md5=md5, contentType=content_type, content=content)

    def log(
        self,
        actor: int | None,
        action: str,
        actee: str | None,
        details: dict[str, Any] | None = None,
        notes: str | None = None,
    ) -> int:
        """Writes a line of the server's audit log and gives its number."""
        known = details or {}
        entity = known.get("entity") or {}
        return self.insert(
            "audit",
            actorId=actor,
            action=action,
            acteeId=actee,
            details=None if details is None else json.dumps(details),
            notes=notes,
            loggedAt=self.now(),
            submissionId=known.get("submissionId"),
            entityUuid=entity.get("uuid"),
        )
