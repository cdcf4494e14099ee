"""What Central's listing says of a form's submissions, what is stored of them, and what follows from the two.

Pure but for `read_known`, which asks the store. An instance has edits counted from 0, a review state, may be
deleted and restored, and its attachments may come later than itself. Fetching and appending is `survey.sync`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from survey.models import Submission, SubmissionEvent


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an instance: its last edit (-1 if none), review, deletion, attachments, redaction."""

    last_edit: int = -1
    review: str | None = None
    deleted: bool = False
    attachments: int = 0
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What Central's listing says of an instance; `meta` is its `__system` row as it came."""

    instance_id: str
    edits: int = 0
    review: str | None = None
    deleted: bool = False
    attachments: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Edits of an instance that are to be fetched."""

    seen: Seen
    edits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """An event to be appended."""

    instance_id: str
    kind: str
    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a page of a listing comes to; `withheld` are edits of people who have withdrawn."""

    fetch: tuple[Fetch, ...]
    events: tuple[Happened, ...]
    same: int
    withheld: tuple[str, ...]


def read_row(row: Mapping[str, Any]) -> Seen:
    """A row of Central's listing."""
    system = row["__system"]
    return Seen(
        row["__id"],
        edits=int(system.get("edits") or 0),
        review=system.get("reviewState"),
        deleted=system.get("deletedAt") is not None,
        attachments=int(system.get("attachmentsPresent") or 0),
        meta=system,
    )


def newest_date(row: Mapping[str, Any]) -> datetime:
    """The newest date of a row of the listing, by Central's clock."""
    dates = (row["__system"].get(name) for name in ("submissionDate", "updatedAt", "deletedAt"))
    return max(parse(date) for date in dates if date)


def parse(moment: str) -> datetime:
    """A date of Central's as an aware moment."""
    return datetime.fromisoformat(moment).astimezone(UTC)


def plan_sync(known: Mapping[str, Known], seen: Iterable[Seen]) -> SyncPlan:
    """What to fetch and which events to append, given what is stored and what Central lists."""
    fetch: list[Fetch] = []
    events: list[Happened] = []
    withheld: list[str] = []
    same = 0
    for one in seen:
        before = known.get(one.instance_id, Known())
        missing = tuple(range(before.last_edit + 1, one.edits + 1))
        happened = _events(before, one)
        events += happened
        if missing and not one.deleted:  # Central gives no XML of what it has deleted
            if before.redacted:
                withheld.append(one.instance_id)
            else:
                fetch.append(Fetch(one, missing))
        elif not happened:
            same += 1
    return SyncPlan(tuple(fetch), tuple(events), same, tuple(withheld))


def plan_absent(known: Mapping[str, Known], listed: set[str]) -> list[Happened]:
    """Events for instances that a full listing lacks: deleted, and by now purged, in Central."""
    return [
        Happened(instance, "deleted", {"purged": True})
        for instance, before in known.items()
        if instance not in listed and not before.deleted
    ]


def read_known(session: Session, form_id: str, instances: Sequence[str] | None = None) -> dict[str, Known]:
    """What is stored of these instances of a form, or of all."""
    state: dict[str, dict[str, Any]] = {}
    raw = select(Submission.instance_id, Submission.edit, Submission.meta, Submission.redaction_id).where(
        Submission.form_id == form_id
    )
    events = select(SubmissionEvent).where(SubmissionEvent.form_id == form_id)
    if instances is not None:
        raw = raw.where(col(Submission.instance_id).in_(instances))
        events = events.where(col(SubmissionEvent.instance_id).in_(instances))
    for instance, edit, meta, redaction in session.exec(raw.order_by(col(Submission.edit))):
        attachments = int(meta.get("attachmentsPresent") or 0)
        found = state.setdefault(instance, {})
        found |= {"last_edit": edit, "redacted": redaction is not None or found.get("redacted", False)}
        found["attachments"] = max(attachments, found.get("attachments", 0))
    for event in session.exec(events.order_by(col(SubmissionEvent.id))):
        state.setdefault(event.instance_id, {}).update(_after(event))
    return {instance: Known(**found) for instance, found in state.items()}


def _events(before: Known, one: Seen) -> list[Happened]:
    """What happened to an instance since; of a redacted one only whether Central still has it."""
    kinds = []
    if one.deleted != before.deleted:
        kinds.append("deleted" if one.deleted else "restored")
    if before.redacted:
        return [Happened(one.instance_id, kind, {}) for kind in kinds]
    if one.review != before.review:
        kinds.append("review")
    if before.last_edit >= 0 and one.attachments > before.attachments:
        kinds.append("late")
    facts = {
        name: one.meta.get(name) for name in ("reviewState", "updatedAt", "deletedAt", "attachmentsPresent")
    }
    return [Happened(one.instance_id, kind, facts) for kind in kinds]


def _after(event: SubmissionEvent) -> dict[str, Any]:
    """What is known of an instance once this event is stored."""
    if event.kind in ("deleted", "restored"):
        return {"deleted": event.kind == "deleted"}
    if event.kind == "review":
        return {"review": event.meta.get("reviewState")}
    return {"attachments": int(event.meta.get("attachmentsPresent") or 0)}
