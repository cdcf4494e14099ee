"""The audit log of the whole server, one submission or one entity, and where an entity came from."""

import json
from datetime import datetime
from typing import Any

from survey.sandbox.central import datasets, problems
from survey.sandbox.central.exchange import Call, Reply, Room, actor_json, as_json, paging
from survey.sandbox.central.sessions import require_user
from survey.sandbox.central.storage import Row, Store, iso
from survey.sandbox.central.submission_store import submission_json

room = Room()

ENTITY = (
    "entity.create entity.bulk.create entity.error entity.update.version entity.update.resolve"
    " entity.delete entity.restore"
)
SUBMISSION = (
    "submission.create submission.update submission.update.version submission.attachment.update"
    " submission.backlog.hold submission.backlog.reprocess submission.backlog.force submission.delete"
    " submission.restore"
)
GROUPS = {
    "user": (
        "user.create user.update user.delete user.assignment.create user.assignment.delete"
        " user.session.create"
    ),
    "field_key": (
        "field_key.create field_key.assignment.create field_key.assignment.delete field_key.session.end"
        " field_key.delete"
    ),
    "project": "project.create project.update project.delete",
    "form": (
        "form.create form.update form.delete form.restore form.attachment.update form.update.draft.set"
        " form.update.draft.delete form.update.publish"
    ),
    "submission": SUBMISSION,
    "dataset": (
        "dataset.create dataset.update entity.bulk.delete entity.bulk.restore dataset.delete"
        " dataset.update.property.delete"
    ),
    "entity": ENTITY,
}


def _json(row: Row) -> dict[str, Any]:
    body = {name: row[name] for name in ("actorId", "action", "acteeId", "loggedAt", "notes")}
    return body | {"details": None if row["details"] is None else json.loads(row["details"])}


def _actor(store: Store, number: int | None) -> dict[str, Any] | None:
    return actor_json(store.one("select * from actor where id = ?", number))


def of_submission(store: Store, submission: int, *, extended: bool) -> list[dict[str, Any]]:
    """What happened to a submission and because of it, newest first."""
    out = []
    for row in store.all("select * from audit where submissionId = ? order by id desc", submission):
        body = _json(row)
        if extended:
            body["actor"] = _actor(store, row["actorId"])
            body["details"]["entity"] = _known_entity(store, body["details"])
        out.append(body)
    return out


def _known_entity(store: Store, details: dict[str, Any]) -> dict[str, Any]:
    sql = "select uuid, deletedAt from entity where id = ? and deletedAt is null"
    known = store.one(sql, details.get("entityId"))
    return {"entityAvailable": known is not None, **(details.get("entity") or {})}


def of_entity(store: Store, entity: Row) -> list[dict[str, Any]]:
    """What happened to an entity, newest first, each with its source."""
    rows = store.all(
        "select audit.* from audit where entityUuid = ?1 or (action = 'entity.bulk.create' and"
        " json_extract(audit.details, '$.sourceId') in (select sourceId from entity_def where entityId = ?2))"
        " or (action in ('entity.bulk.delete', 'entity.bulk.restore') and instr(audit.details, ?1)) order by"
        " id desc",
        entity["uuid"],
        entity["id"],
    )
    out = []
    for row in rows:
        body = _json(row)
        sql = "select source.* from entity_def join source on source.id = sourceId where entity_def.id = ?"
        source = store.one(sql, body["details"].get("entityDefId"))
        body["details"]["source"] = {} if source is None else source_json(store, source)
        out.append(body | {"actor": _actor(store, row["actorId"])})
    return out


def source_json(store: Store, source: Row) -> dict[str, Any]:
    """Where a version came from: a submission with the event that processed it, an upload, or nothing."""
    if source["submissionDefId"] is None:
        details = source["details"]
        return {} if details is None else dict(json.loads(details))
    event = store.one("select * from audit where id = ?", source["auditId"])
    row = store.one(
        "select submission.*, xmlFormId from submission_def join submission on submission.id = submissionId"
        " join form on form.id = formId where submission_def.id = ?",
        source["submissionDefId"],
    )
    assert event is not None
    assert row is not None
    if row["deletedAt"]:
        shown: dict[str, Any] = {"instanceId": row["instanceId"], "createdAt": row["createdAt"]}
        shown["submitter"] = _actor(store, row["submitterId"])
    else:
        shown = {"xmlFormId": row["xmlFormId"], **submission_json(store, row, extended=True)}
    return {"event": _json(event) | {"actor": _actor(store, event["actorId"])}, "submission": shown}


@room.on("GET", "/audits")
def listing(call: Call) -> Reply:
    """The whole log, newest first, by time and by kind of action."""
    require_user(call)
    limit, offset = paging(call)
    where, values = ["true"], []
    for name, sign in (("start", ">="), ("end", "<=")):
        if call.query.get(name):
            where.append(f"loggedAt {sign} ?")
            values.append(_moment(call.query[name]))
    action = call.query.get("action")
    if action == "nonverbose":
        quiet = [*ENTITY.split(), *SUBMISSION.split(), "dataset.update"]
        where.append(f"action not in ({', '.join('?' * len(quiet))})")
        values += quiet
    elif action:
        wanted = GROUPS.get(action, action).split()
        where.append(f"action in ({', '.join('?' * len(wanted))})")
        values += wanted
    sql = f"select * from audit where {' and '.join(where)} order by loggedAt desc, id desc limit ? offset ?"
    rows = call.store.all(sql, *values, limit, offset)
    return as_json([_json(row) | (_around(call.store, row) if call.extended else {}) for row in rows])


def _moment(text: str) -> str:
    try:
        return iso(datetime.fromisoformat(text))
    except ValueError:
        raise problems.broken() from None


def _around(store: Store, row: Row) -> dict[str, Any]:
    dataset = store.one("select * from dataset where acteeId = ?", row["acteeId"])
    actor = store.one("select * from actor where acteeId = ?", row["acteeId"])
    actee = datasets.list_json(dataset) if dataset is not None else actor_json(actor)
    return {"actor": _actor(store, row["actorId"])} | ({} if actee is None else {"actee": actee})
