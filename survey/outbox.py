"""Outbox: what Central must be told, planned as rows before it is sent, sent at least once, effective once.

`wanted` says how Central should stand (app users, form assignments, the `returnee` and
`tracing` entities), `plan_push` compares that with what it was told last and gives the writes that are
missing, `enqueue` makes them rows, `flush` sends them. A row's key names its subject and its place in that
subject's series, so two operators cannot plan the same write twice. Before sending, Central is asked: what
stands there already is confirmed unsent, which also resolves a lost reply. Phones and names are never in a
row; they are read from the cases at the moment of sending. When a case is not due, its entity is given to
nobody and its contact details are blanked.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select

from instruments.findings import Finding
from survey import cases
from survey.central import Central
from survey.errors import CentralRejected
from survey.failpoints import passed
from survey.models import AppUserToken, Case, Enumerator, Outbox

# The properties that each list must have for what is written here; `survey.publish` makes them.
LISTS = {
    "returnee": ("assigned", "status", "wave_due", "due_from", "due_to"),
    "tracing": ("panel_id", "phone1", "c1_name", "c1_phone", "assigned"),
}
KINDS = ("app_user", "assignment", "returnee", "tracing")  # the order of sending
BATCH = 100  # rows marked as sent in one commit; new entities in one request
STALE = "409.15"  # Central's code for an entity that is at a later version than the one named
PATIENCE = 3  # pushes for which an entity may be missing before somebody must look


@dataclass(frozen=True, slots=True)
class Write:
    """How one thing at Central should stand; `subject` is unique within its kind."""

    kind: str
    subject: str
    payload: Mapping[str, Any]
    case_id: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The last write planned for a subject: its place in the series and what it said."""

    number: int
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a flush came to: rows sent, standing already, waiting for Central, refused; findings."""

    sent: int = 0
    standing: int = 0
    waiting: int = 0
    failed: int = 0
    findings: tuple[Finding, ...] = field(default=())


def wanted(session: Session, today: date, *, forms: Sequence[str], seed: int | str) -> list[Write]:
    """How Central should stand today, by kind and subject."""
    team = session.exec(select(Enumerator.code).where(Enumerator.active).order_by(Enumerator.code)).all()
    writes = [Write("app_user", code, {"name": code}) for code in team]
    writes += [
        Write("assignment", f"{code}/{form}", {"enumerator": code, "form": form})
        for code in team
        for form in forms
    ]
    due = {item.case_id: item for item in cases.due(session, today)}
    names = ("case_id", "person_id", "entity_uuid", "status")
    held = select(*(getattr(Case, name) for name in names)).where(col(Case.entity_uuid).is_not(None))
    linked = session.execute(held.order_by(Case.case_id)).all()
    writes += [Write("returnee", case.case_id, _visit(case, due), case.case_id) for case in linked]
    return writes + _tracing_writes(session, linked, due, seed)


def plan_push(wanted: Iterable[Write], told: Mapping[tuple[str, str], Told]) -> list[tuple[int, Write]]:
    """The writes whose subject was never told, or otherwise last; each with its place in the series."""
    missing = []
    for write in wanted:
        last = told.get((write.kind, write.subject))
        if last is None or last.payload != write.payload:
            missing.append((last.number + 1 if last else 1, write))
    return missing


def told(session: Session) -> dict[tuple[str, str], Told]:
    """The last write planned for each subject, whatever became of it."""
    last: dict[tuple[str, str], Told] = {}
    rows = select(Outbox.kind, Outbox.key, Outbox.payload).order_by(col(Outbox.id))
    for kind, key, payload in session.execute(rows.execution_options(yield_per=1_000)):
        _, _, name = key.partition(":")
        subject, _, number = name.rpartition(":")
        last[kind, subject] = Told(int(number), payload)
    return last


def enqueue(session: Session, planned: Iterable[tuple[int, Write]], now: datetime) -> int:
    """Make the planned writes rows of the outbox; earlier unsent rows of the same subject fall away."""
    planned = list(planned)
    unsent = select(Outbox).where(col(Outbox.state) != "confirmed")
    pending = {(row.kind, _subject(row)): row for row in session.exec(unsent)}
    for number, write in planned:
        old = pending.get((write.kind, write.subject))
        if old is not None:
            old.state, old.error = "confirmed", "overtaken by a later write"
            session.add(old)
        session.add(
            Outbox(
                kind=write.kind,
                key=f"{write.kind}:{write.subject}:{number}",
                case_id=write.case_id,
                payload=dict(write.payload),
                made_at=now,
            )
        )
    session.flush()
    return len(planned)


def flush(session: Session, central: Central, now: datetime) -> Pushed:
    """Send every row that is not confirmed, in the order of `KINDS`.

    Rows are committed as *sent* before the call and as *confirmed* after it. What Central refuses becomes
    *failed* and a finding and is tried again at the next flush; an entity that Central has not made yet
    waits. A Central that cannot be reached raises, and leaves the rows for the next time.
    """
    rows = session.exec(select(Outbox).where(col(Outbox.state) != "confirmed").order_by(col(Outbox.id))).all()
    tally = {"sent": 0, "standing": 0, "waiting": 0, "failed": 0}
    findings: list[Finding] = []
    for kind in KINDS:
        own = [row for row in rows if row.kind == kind]
        if not own:
            continue
        sender = _SENDERS[kind](session, central, now, own)
        for batch in (own[start : start + BATCH] for start in range(0, len(own), BATCH)):
            for row in batch:
                row.state, row.attempts, row.sent_at = "sent", row.attempts + 1, now
                session.add(row)
            session.commit()
            passed("push.marked")
            for row in batch:
                outcome, found = _attempt(sender, row)
                passed("push.told")
                tally[outcome] += 1
                findings += found
                session.add(row)
            session.commit()
            passed("push.confirmed")
    return Pushed(**tally, findings=tuple(findings))


def entity_id(seed: int | str, name: str) -> str:
    """The UUID of an entity that we make: version 4 in form, the same for the same seed and name.

    Central lets no two projects of one server hold the same UUID, so the seed must name the project.
    """
    return str(uuid.UUID(bytes=hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16], version=4))


Outcome = tuple[str, list[Finding]]
Sender = Callable[[Outbox], Outcome]


def _attempt(sender: Sender, row: Outbox) -> Outcome:
    """Send one row and note on it what came of it."""
    if not row.payload:
        row.state, row.error = "confirmed", "redacted"
        return "standing", []
    try:
        outcome, findings = sender(row)
    except CentralRejected as error:
        row.state, row.error = "failed", error.code or str(error.status)
        message = f"Central refused this write ({row.error}); it is tried again at the next push."
        return "failed", [Finding("error", "push.refused", f"outbox/{row.key}", message)]
    row.state = "planned" if outcome == "waiting" else "confirmed"
    row.error = "waits for Central" if outcome == "waiting" else ""
    return outcome, findings


def _user_sender(session: Session, central: Central, now: datetime, rows: Sequence[Outbox]) -> Sender:
    def send(row: Outbox) -> Outcome:
        user = central.create_app_user(row.payload["name"])
        code = col(Enumerator.code) == row.payload["name"]
        enumerator = session.exec(select(Enumerator).where(code)).one()
        enumerator.app_user_id = int(user["id"])
        session.add(enumerator)
        if session.get(AppUserToken, enumerator.app_user_id) is None:
            session.add(AppUserToken(app_user_id=enumerator.app_user_id, token=user["token"], made_at=now))
        return "sent", []

    return send


def _assignment_sender(session: Session, central: Central, now: datetime, rows: Sequence[Outbox]) -> Sender:
    users = dict(session.exec(select(Enumerator.code, Enumerator.app_user_id)).all())

    def send(row: Outbox) -> Outcome:
        actor = users.get(row.payload["enumerator"])
        if actor is None:
            return "waiting", []
        central.assign(row.payload["form"], actor)
        return "sent", []

    return send


def _returnee_sender(session: Session, central: Central, now: datetime, rows: Sequence[Outbox]) -> Sender:
    entities = _Entities(central, "returnee")

    def send(row: Outbox) -> Outcome:
        if row.payload["uuid"] not in entities.held:
            return "waiting", [_not_there(row)]
        return entities.update(row, {name: row.payload[name] for name in LISTS["returnee"]})

    return send


def _tracing_sender(session: Session, central: Central, now: datetime, rows: Sequence[Outbox]) -> Sender:
    entities = _Entities(central, "tracing")
    contacts = cases.tracing(session, [_subject(row) for row in rows])
    panels = dict(session.exec(select(Case.case_id, Case.panel_id)).all())

    made: set[str] = set()

    def data_of(row: Outbox) -> dict[str, str]:
        shown = contacts.get(_subject(row), {}) if row.payload["assigned"] else {}
        details = {name: shown.get(name, "") for name in ("phone1", "c1_name", "c1_phone")}
        panel = panels.get(_subject(row)) or ""
        return {"panel_id": panel, **details, "assigned": row.payload["assigned"]}

    def create_from(row: Outbox) -> None:
        """Create this entity and, in the same request, those of the next rows that are not there either."""
        place = next(i for i, item in enumerate(rows) if item is row)
        absent = [item for item in rows[place:] if item.payload.get("uuid") not in entities.held]
        new = [{"uuid": item.payload["uuid"], "data": data_of(item)} for item in absent if item.payload]
        labelled = [{**item, "label": item["data"]["panel_id"] or item["uuid"]} for item in new[:BATCH]]
        central.create_entities("tracing", labelled)
        entities.held |= {item["uuid"]: {**item, "version": 1} for item in labelled}
        made.update(item["uuid"] for item in labelled)

    def send(row: Outbox) -> Outcome:
        if row.payload["uuid"] not in entities.held:
            create_from(row)
        if row.payload["uuid"] in made:
            return "sent", []
        return entities.update(row, data_of(row))

    return send


_SENDERS: dict[str, Callable[[Session, Central, datetime, Sequence[Outbox]], Sender]] = {
    "app_user": _user_sender,
    "assignment": _assignment_sender,
    "returnee": _returnee_sender,
    "tracing": _tracing_sender,
}


class _Entities:
    """One entity list of Central as last read, and updates against the versions read."""

    def __init__(self, central: Central, name: str) -> None:
        self.central, self.name = central, name
        self.held = self._read()

    def update(self, row: Outbox, data: Mapping[str, str]) -> Outcome:
        """Bring one entity to `data`; another's change in between is read and met once more."""
        key = row.payload["uuid"]
        if self._stands(key, data):
            return "standing", []
        try:
            self._send(key, data)
            return "sent", []
        except CentralRejected as error:
            if error.code != STALE:
                raise
        self.held = self._read()
        message = "the entity had changed at Central since it was read; it was read again and told once more."
        found = [Finding("note", "entity.conflict", f"outbox/{row.key}", message)]
        if self._stands(key, data):
            return "standing", found
        self._send(key, data)
        return "sent", found

    def _read(self) -> dict[str, dict[str, Any]]:
        return {item["uuid"]: item for item in self.central.entities(self.name)}

    def _send(self, key: str, data: Mapping[str, str]) -> None:
        held = self.held[key]
        version = self.central.update_entity(self.name, key, data, held["version"])
        self.held[key] = {**held, "version": version, "data": {**held["data"], **data}}

    def _stands(self, key: str, data: Mapping[str, str]) -> bool:
        present = self.held[key]["data"]
        return all((present.get(name) or "") == value for name, value in data.items())


def _not_there(row: Outbox) -> Finding:
    """An entity that Central's worker has not made yet or, after some pushes, never will by itself."""
    if row.attempts <= PATIENCE:
        message = "Central has not made this entity yet; it is told at the next push."
        return Finding("note", "entity.not_there", f"outbox/{row.key}", message)
    message = (
        f"Central has not made this entity by push {row.attempts}; until then the case is on no tablet. "
        "Look at the case's baseline submission there; if its history is silent, at the server's log."
    )
    return Finding("warning", "entity.not_there", f"outbox/{row.key}", message)


def _visit(case: Any, due: Mapping[str, cases.Due]) -> dict[str, str]:
    """What the `returnee` entity says about the next visit: strings, empty when none is due."""
    item = due.get(case.case_id)
    return {
        "uuid": case.entity_uuid or "",
        "assigned": item.enumerator if item else "",
        "status": case.status,
        "wave_due": str(item.wave) if item else "",
        "due_from": item.opens.isoformat() if item else "",
        "due_to": item.closes.isoformat() if item else "",
    }


def _tracing_writes(
    session: Session, linked: Sequence[Any], due: Mapping[str, cases.Due], seed: int | str
) -> list[Write]:
    """The `tracing` entity of each linked case; a digest tells when its details have changed."""
    contacts = cases.tracing(session, [case.case_id for case in linked])
    writes = []
    for case in linked:
        item = due.get(case.case_id)
        shown = contacts.get(case.case_id, {}) if item else {}
        salt = entity_id(seed, f"tracing/{case.person_id}")
        mark = hashlib.sha256(f"{salt}{_canonical(shown)}".encode()).hexdigest()[:16] if item else ""
        payload = {"uuid": salt, "assigned": item.enumerator if item else "", "details": mark}
        writes.append(Write("tracing", case.case_id, payload, case.case_id))
    return writes


def _canonical(payload: Mapping[str, Any]) -> str:
    return json.dumps(dict(payload), sort_keys=True, ensure_ascii=False)


def _subject(row: Outbox) -> str:
    return row.key.split(":", 1)[1].rsplit(":", 1)[0]
