"""Entities: sending what concerns cases – who has whom until when, how to reach them, conflicts settled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from sqlmodel import Session, select

from instruments.findings import Finding
from survey import cases
from survey.models import Case, Outbox
from survey.outbox import LISTS, subject_of
from survey.push.conflicts import last_word
from survey.push.wire import BATCH, Outcome, Sender, Wire

PATIENCE = 3  # pushes for which an entity may be missing before somebody must look
DETAILS = ("phone1", "c1_name", "c1_phone")


def _returnee_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    entities = wire.entities("returnee")

    def send(row: Outbox) -> Outcome:
        if row.payload["uuid"] not in entities.held:
            return "waiting", [_not_there(row)]
        return entities.update(row, visit_data(row.payload))

    return send


def _tracing_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    entities = wire.entities("tracing")
    details = details_of(wire.session, [subject_of(row) for row in rows])
    made: set[str] = set()

    def data_of(row: Outbox) -> dict[str, str]:
        return details[subject_of(row)](row.payload["assigned"])

    def create_from(row: Outbox) -> None:
        """Create this entity and, in the same request, those of the next rows that are not there either."""
        place = next(i for i, item in enumerate(rows) if item is row)
        absent = [item for item in rows[place:] if item.payload.get("uuid") not in entities.held]
        new = [{"uuid": item.payload["uuid"], "data": data_of(item)} for item in absent if item.payload][
            :BATCH
        ]
        labelled = [{**item, "label": item["data"]["panel_id"] or item["uuid"]} for item in new]
        wire.central.create_entities("tracing", labelled)
        entities.held |= {item["uuid"]: {**item, "version": 1} for item in labelled}
        made.update(item["uuid"] for item in labelled)

    def send(row: Outbox) -> Outcome:
        if row.payload["uuid"] not in entities.held:
            create_from(row)
        if row.payload["uuid"] in made:
            return "sent", []
        return entities.update(row, data_of(row))

    return send


def _conflict_sender(wire: Wire, rows: Sequence[Outbox]) -> Sender:
    def send(row: Outbox) -> Outcome:
        name, key = row.payload["list"], row.payload["uuid"]
        word = last_word(wire.central.entity_versions(name, key)) if row.payload["hard"] else {}
        done = wire.central.resolve(name, key, word, row.payload["version"])
        return "sent" if done else "standing", []

    return send


SENDERS: dict[str, Callable[[Wire, Sequence[Outbox]], Sender]] = {
    "returnee": _returnee_sender,
    "tracing": _tracing_sender,
    "conflict": _conflict_sender,
}


def visit_data(payload: Mapping[str, str]) -> dict[str, str]:
    """What a `returnee` entity says of the next visit."""
    return {name: payload[name] for name in LISTS["returnee"]}


def details_of(session: Session, case_ids: Collection[str]) -> dict[str, Callable[[str], dict[str, str]]]:
    """For each case what its `tracing` entity says once it is given to somebody, or to nobody."""
    contacts = cases.tracing(session, case_ids)
    panels = dict(session.exec(select(Case.case_id, Case.panel_id)).all())

    def said_of(case_id: str) -> Callable[[str], dict[str, str]]:
        def said(assigned: str) -> dict[str, str]:
            shown = contacts.get(case_id, {}) if assigned else {}
            told = {name: shown.get(name, "") for name in DETAILS}
            return {"panel_id": panels.get(case_id) or "", **told, "assigned": assigned}

        return said

    return {case_id: said_of(case_id) for case_id in case_ids}


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
