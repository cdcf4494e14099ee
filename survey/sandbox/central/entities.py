"""The addresses of entities: one by one, in bulk, their versions, deletion, and the check tablets make.

Reading them as a table is in `entity_tables`.
"""

import json

from survey.sandbox.central import access, audits, datasets, entity_store, problems
from survey.sandbox.central.addresses import dataset_of, found, project_of
from survey.sandbox.central.entity_store import CURRENT, entity_json, normal_uuid, version_json
from survey.sandbox.central.exchange import TEXT_XML, Call, Reply, Room, actor_json, as_json, as_xml, success
from survey.sandbox.central.sessions import may_use
from survey.sandbox.central.storage import Row

room = Room()

ALL = "/projects/{project}/datasets/{dataset}/entities"
ONE = f"{ALL}/{{uuid}}"


def _names(call: Call, dataset: Row) -> list[str]:
    return [row["name"] for row in datasets.properties(call.store, dataset["id"])]


def _entity(call: Call, dataset: Row, *, deleted: bool = False) -> Row:
    uuid = normal_uuid(call.at["uuid"])
    sql = f"{CURRENT} where datasetId = ? and uuid = ? and deletedAt is {'not ' if deleted else ''}null"
    return found(call.store.one(sql, dataset["id"], uuid))


def _log(call: Call, action: str, dataset: Row, entity: Row, number: int) -> None:
    about = {"uuid": entity["uuid"], "dataset": dataset["name"]}
    details = {"entityId": entity["id"], "entityDefId": number, "entity": about}
    call.log(action, dataset["acteeId"], details)


# reading
@room.on("GET", ALL)
def listing(call: Call) -> Reply:
    dataset = dataset_of(call)
    gone = "not " if call.flag("deleted") else ""
    sql = (
        f"{CURRENT} where datasetId = ? and deletedAt is {gone}null order by entity.createdAt desc,"
        " entity.id desc"
    )
    rows = call.store.all(sql, dataset["id"])
    return as_json([entity_json(call.store, row, data=False, extended=call.extended) for row in rows])


@room.on("GET", ONE)
def get(call: Call) -> Reply:
    row = _entity(call, dataset_of(call), deleted=call.flag("deleted"))
    return as_json(entity_json(call.store, row, extended=call.extended))


@room.on("GET", f"{ONE}/versions")
def versions(call: Call) -> Reply:
    """Every version with the conflicts it met, oldest first."""
    entity = _entity(call, dataset_of(call))
    sql = (
        "select entity_def.*, source.details, submissionDefId, auditId from entity_def"
        " left join source on source.id = sourceId where entityId = ? order by entity_def.id"
    )
    rows = call.store.all(sql, entity["id"])
    out = []
    for row in rows:
        body = version_json(row, at="createdAt", creator="creatorId")
        body["source"] = audits.source_json(call.store, row)
        if call.extended:
            body["creator"] = actor_json(call.store.one("select * from actor where id = ?", row["creatorId"]))
        out.append(body)
    sql = (
        "select details from audit where entityUuid = ? and action = 'entity.update.resolve' order by id desc"
    )
    resolved = call.store.value(sql, entity["uuid"])
    number = json.loads(resolved)["entityDefId"] if resolved else 0
    marked = entity_store.with_conflicts(out, [row["id"] for row in rows], number)
    return as_json([v for v in marked if v["relevantToConflict"] or not call.flag("relevantToConflict")])


@room.on("GET", f"{ONE}/diffs")
def diffs(call: Call) -> Reply:
    entity = _entity(call, dataset_of(call))
    rows = call.store.all("select label, data from entity_def where entityId = ? order by id", entity["id"])
    return as_json(entity_store.diffs([json.loads(row["data"]) | {"label": row["label"]} for row in rows]))


@room.on("GET", f"{ONE}/audits")
def history(call: Call) -> Reply:
    entity = _entity(call, dataset_of(call))
    return as_json(audits.of_entity(call.store, entity))


# writing
@room.on("POST", ALL)
def create(call: Call) -> Reply:
    """One entity, or many at once (all or nothing) under a named source."""
    dataset, body = dataset_of(call), call.json()
    names = _names(call, dataset)
    if body.get("entities") is not None:
        return _create_many(call, dataset, body["entities"], body.get("source"), names)
    uuid, version = entity_store.received(body, names, None, call.store)
    entity_store.refuse_used(call.store, [uuid])
    source = call.store.insert("source")
    call.at["uuid"] = uuid
    _, number = entity_store.create(
        call.store, dataset["id"], uuid, version, call.actor_id, call.user_agent, source
    )
    row = _entity(call, dataset)
    _log(call, "entity.create", dataset, row, number)
    return as_json(entity_json(call.store, row))


def _create_many(call: Call, dataset: Row, entities: object, source: object, names: list[str]) -> Reply:
    if not isinstance(entities, list):
        raise problems.unexpected_keys(["entities: [...]"], ["not an array"])
    if not entities:
        raise problems.unexpected_keys(["entities: [...]"], ["empty array"])
    made = [entity_store.received(item, names, None, call.store) for item in entities]
    details = _source(source, len(made), call.user_agent)
    entity_store.refuse_used(call.store, [uuid for uuid, _ in made])
    number = call.store.insert("source", details=json.dumps(details))
    for uuid, version in made:
        entity_store.create(call.store, dataset["id"], uuid, version, call.actor_id, call.user_agent, number)
    call.log("entity.bulk.create", dataset["acteeId"], {"sourceId": number})
    return success()


def _source(source: object, count: int, agent: str | None) -> dict[str, object]:
    if not isinstance(source, dict) or not source:
        raise problems.missing("source")
    name, size = source.get("name"), source.get("size")
    if not name:
        raise problems.missing("source.name")
    for field, value, wanted in (("name", name, str), ("size", size, (int, float))):
        if value is not None and not isinstance(value, wanted):
            kinds = {"name": "string", "size": "number"}
            got = "string" if isinstance(value, str) else "number"
            raise problems.bad_type(kinds[field], field=field, value=got)
    return {"name": name, **({"size": size} if size else {}), "count": count, "userAgent": agent}


@room.on("PATCH", ONE)
def change(call: Call) -> Reply:
    """A new version on the current one; `force` overrides a stale base, `resolve` settles a conflict."""
    dataset = dataset_of(call)
    old, body, store = _entity(call, dataset), call.json(), call.store
    resolve, base = call.flag("resolve"), call.query.get("baseVersion")
    if resolve and not old["conflict"]:
        raise problems.no_conflict()
    if base != str(old["version"]) and not call.flag("force"):
        raise problems.entity_out_of_date(old["version"], base)
    if not (resolve and not body):
        _, version = entity_store.received(body, _names(call, dataset), old, store)
        number = entity_store.add_version(
            store,
            old,
            version,
            old["version"],
            call.actor_id,
            call.user_agent,
            store.insert("source"),
            conflict=old["conflict"],
        )
        _log(call, "entity.update.version", dataset, old, number)
    if resolve:
        store.update("entity", old["id"], conflict=None, updatedAt=store.now())
        _log(call, "entity.update.resolve", dataset, old, _entity(call, dataset)["defId"])
    return as_json(entity_json(store, _entity(call, dataset)))


@room.on("DELETE", ONE)
def delete(call: Call) -> Reply:
    dataset = dataset_of(call)
    row = _entity(call, dataset)
    call.store.update("entity", row["id"], deletedAt=call.store.now())
    call.log("entity.delete", dataset["acteeId"], {"entity": {"uuid": row["uuid"]}})
    return success()


@room.on("POST", f"{ONE}/restore")
def restore(call: Call) -> Reply:
    dataset = dataset_of(call)
    row = _entity(call, dataset, deleted=True)
    call.store.update("entity", row["id"], deletedAt=None, updatedAt=call.store.now())
    call.log("entity.restore", dataset["acteeId"], {"entity": {"uuid": row["uuid"]}})
    return success()


@room.on("POST", f"{ALL}/bulk-delete")
def delete_many(call: Call) -> Reply:
    return _mark_many(call, dataset_of(call), deleted=True)


@room.on("POST", f"{ALL}/bulk-restore")
def restore_many(call: Call) -> Reply:
    return _mark_many(call, dataset_of(call), deleted=False)


def _mark_many(call: Call, dataset: Row, *, deleted: bool) -> Reply:
    now, store = call.store.now(), call.store
    changes = "deletedAt = ?1" if deleted else "deletedAt = null, updatedAt = ?1"
    sql = (
        f"update entity set {changes} where datasetId = ?2 and uuid = ?3 and deletedAt is"
        f" {'' if deleted else 'not '}null"
    )
    done = [
        uuid for uuid in call.json().get("ids") or [] if store.run(sql, now, dataset["id"], str(uuid).lower())
    ]
    if done:
        action = "entity.bulk.delete" if deleted else "entity.bulk.restore"
        call.log(action, dataset["acteeId"], {"entityUuids": done})
    return as_json({"count": len(done)})


# what tablets ask
@room.on("GET", "/projects/{project}/datasets/{dataset}/integrity", kind="openrosa")
def integrity(call: Call) -> Reply:
    """Which of the asked entities are gone or not the caller's; for whoever may read a form with the list."""
    sql = (
        "select * from dataset where projectId = ? and name = ? and deletedAt is null and publishedAt is"
        " not null"
    )
    dataset = found(call.store.one(sql, project_of(call)["id"], call.at["dataset"]))
    readers = call.store.all(
        "select acteeId from form join form_attachment on formDefId = currentDefId where datasetId = ?"
        " and deletedAt is null",
        dataset["id"],
    )
    if not any(may_use(call, actee) for actee in (dataset["acteeId"], *(row["acteeId"] for row in readers))):
        raise problems.forbidden()
    asked = [part for part in (call.query.get("id") or "").split(",") if part]
    sql = (
        "select uuid, deletedAt, entity.creatorId as maker, data from entity join entity_def on entityId ="
        " entity.id and current where datasetId = ? order by entity.id"
    )
    rows, sight = call.store.all(sql, dataset["id"]), access.Sight(call.store, dataset, call.actor)

    def there(row: Row) -> bool:
        return row["deletedAt"] is None and sight.gets(row["maker"], row["data"])

    lines = "".join(
        f'\n      <entity id="{row["uuid"]}">'
        f"\n        <deleted>{'false' if there(row) else 'true'}</deleted>"
        "\n      </entity>"
        for row in rows
        if not asked or row["uuid"] in asked
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n  <data>\n    <entities>'
    return as_xml(f"{head}{lines}\n    </entities>\n  </data>", content_type=TEXT_XML)
