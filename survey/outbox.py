"""Outbox: what Central must be told, planned as rows before it is sent, sent at least once, effective once.

`wanted` says how Central should stand (app users, form assignments, the `returnee` and
`tracing` entities), `plan_push` compares that with what it was told last and gives the writes that are
missing, `enqueue` makes them rows; sending them is `survey.push`. A row's key names its subject and its place
in that subject's series, so two operators cannot plan the same write twice. Phones and names are never in a
row; they are read from the cases at the moment of sending. When a case is not due, its entity is given to
nobody and its contact details are blanked.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select

from survey import cases
from survey.models import Case, Enumerator, Outbox

# The properties that each list must have for what is written here; `survey.publish` makes them.
LISTS = {
    "returnee": ("assigned", "status", "wave_due", "due_from", "due_to"),
    "tracing": ("panel_id", "phone1", "c1_name", "c1_phone", "assigned"),
}
OVERTAKEN = "overtaken by a later write"
UNWANTED = "not wanted any more"


@dataclass(frozen=True, slots=True)
class Write:
    """How one thing at Central should stand; `subject` is unique within its kind."""

    kind: str
    subject: str
    payload: Mapping[str, Any]
    case_id: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The last write planned for a subject: its place in the series, what it said, whether Central has it."""

    number: int
    payload: Mapping[str, Any]
    settled: bool = True


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
    names = ("kind", "key", "payload", "state", "error")
    rows = select(*(getattr(Outbox, name) for name in names)).order_by(col(Outbox.id))
    for kind, key, payload, state, error in session.execute(rows.execution_options(yield_per=1_000)):
        _, _, name = key.partition(":")
        subject, _, number = name.rpartition(":")
        said = {} if error == UNWANTED else payload
        last[kind, subject] = Told(int(number), said, state == "confirmed")
    return last


def enqueue(session: Session, planned: Iterable[tuple[int, Write]], now: datetime) -> int:
    """Make the planned writes rows of the outbox; earlier unsent rows of the same subject fall away."""
    planned = list(planned)
    unsent = select(Outbox).where(col(Outbox.state) != "confirmed")
    pending = {(row.kind, subject_of(row)): row for row in session.exec(unsent)}
    for number, write in planned:
        old = pending.get((write.kind, write.subject))
        if old is not None:
            old.state, old.error = "confirmed", OVERTAKEN
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


def drop(session: Session, wanted: Iterable[Write], kinds: Collection[str]) -> int:
    """Let unsent rows of these kinds fall away whose subject is not wanted any more; how many did."""
    subjects = {(write.kind, write.subject) for write in wanted}
    unsent = select(Outbox).where(col(Outbox.state) != "confirmed", col(Outbox.kind).in_(kinds))
    stale = [row for row in session.exec(unsent) if (row.kind, subject_of(row)) not in subjects]
    for row in stale:
        row.state, row.error = "confirmed", UNWANTED
        session.add(row)
    session.flush()
    return len(stale)


def entity_id(seed: int | str, name: str) -> str:
    """The UUID of an entity that we make: version 4 in form, the same for the same seed and name.

    Central lets no two projects of one server hold the same UUID, so the seed must name the project.
    """
    return str(uuid.UUID(bytes=hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16], version=4))


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


def subject_of(row: Outbox) -> str:
    """What a row is about, unique within its kind."""
    return row.key.split(":", 1)[1].rsplit(":", 1)[0]
