"""The addresses of entity lists: making them without a form, properties, settings, what forms do to them."""

import json

from survey.sandbox.central import access, datasets, problems
from survey.sandbox.central.addresses import dataset_of, definition_of, form_of, project_of
from survey.sandbox.central.entity_making import make_pending
from survey.sandbox.central.exchange import Call, Reply, Room, as_json, success
from survey.sandbox.central.sessions import require_user
from survey.sandbox.central.storage import Row
from survey.sandbox.central.xform import DATASET_NAME, PROPERTY_NAME

room = Room()

LIST = "/projects/{project}/datasets/{dataset}"


def _whole(call: Call, row: Row) -> Reply:
    numbers = datasets.numbers_json(call.store, row) if call.extended else {}
    return as_json(datasets.list_json(row) | numbers | datasets.metadata_json(call.store, row))


@room.on("GET", "/projects/{project}/datasets")
def listing(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    rows = datasets.published(call.store, project["id"], deleted=call.flag("deleted"))
    numbers = [datasets.numbers_json(call.store, row) if call.extended else {} for row in rows]
    return as_json([datasets.list_json(row) | more for row, more in zip(rows, numbers, strict=True)])


@room.on("POST", "/projects/{project}/datasets")
def create(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    body, store = call.json(), call.store
    name = body.get("name")
    if not isinstance(name, str) or not DATASET_NAME.match(name):
        raise problems.unexpected("name", name, "This is not a valid dataset name.")
    datasets.refuse_other_capitals(store, project["id"], name)
    known = store.one(
        "select * from dataset where projectId = ? and name = ? and deletedAt is null", project["id"], name
    )
    if known is not None and known["publishedAt"]:
        raise problems.duplicate(("name", "projectId"), (name, project["id"]), "datasets")
    now = store.now()
    approval = bool(body.get("approvalRequired", False))
    if known is not None:
        number = known["id"]
    else:
        number = store.insert(
            "dataset", projectId=project["id"], name=name, acteeId=store.uuid(), createdAt=now
        )
    store.update("dataset", number, publishedAt=now, approvalRequired=approval)
    call.at["dataset"] = name
    row = dataset_of(call)
    call.log("dataset.create", row["acteeId"], {"properties": []})
    return _whole(call, row)


@room.on("GET", LIST)
def get(call: Call) -> Reply:
    return _whole(call, dataset_of(call))


@room.on("PATCH", LIST)
def change(call: Call) -> Reply:
    """Turns approval on or off, or limits access; without approval `convert=true` makes what was waiting."""
    row, body = dataset_of(call), call.json()
    changes = {name: bool(body[name]) for name in ("approvalRequired",) if name in body}
    limited = access.limit(call, row, body)
    if limited is not None:
        changes["ownerOnly"] = limited
    if changes:
        call.store.update("dataset", row["id"], **changes)
        call.log("dataset.update", row["acteeId"], {"data": body, "autoConvert": call.flag("convert")})
    if changes.get("approvalRequired") is False and call.flag("convert"):
        make_pending(call.store, row["id"])
    return _whole(call, dataset_of(call))


@room.on("DELETE", LIST)
def delete(call: Call) -> Reply:
    row = dataset_of(call)
    body = datasets.metadata_json(call.store, row)
    if any(body[key] for key in ("linkedForms", "sourceForms", "draftLinkedForms", "draftSourceForms")):
        raise problems.Problem(
            409.21, "You can't delete this dataset because there are Form(s) dependent on it"
        )
    call.store.update("dataset", row["id"], deletedAt=call.store.now())
    call.log("dataset.delete", row["acteeId"])
    return success()


@room.on("POST", f"{LIST}/properties")
def add_property(call: Call) -> Reply:
    row = dataset_of(call)
    name = call.json().get("name")
    if not isinstance(name, str) or not PROPERTY_NAME.match(name.lower()):
        raise problems.unexpected("name", name, "This is not a valid property name.")
    known = {item["name"].lower(): item["name"] for item in datasets.properties(call.store, row["id"])}
    if name.lower() in known:
        raise problems.duplicate(("name", "datasetId"), (known[name.lower()], row["id"]), "ds_properties")
    now = call.store.now()
    batch = call.store.next("publication")
    waiting = (
        "update property set publishedAt = ?, publication = ? where datasetId = ? and name = ?"
        " and deletedAt is null"
    )
    if not call.store.run(waiting, now, batch, row["id"], name):
        call.store.insert("property", datasetId=row["id"], name=name, publishedAt=now, publication=batch)
    call.log("dataset.update", row["acteeId"], {"properties": [name]})
    return success()


@room.on("DELETE", f"{LIST}/properties/{{name}}")
def drop_property(call: Call) -> Reply:
    """Removes a property that no form saves to and no entity fills."""
    row, name = dataset_of(call), call.at["name"]
    item = next((p for p in datasets.properties(call.store, row["id"]) if p["name"] == name), None)
    if item is None:
        raise problems.not_found()
    filled = [
        {"uuid": entity["uuid"], "label": entity["label"]}
        for entity in call.store.all(
            "select uuid, label, data from entity join entity_def on entityId = entity.id and current"
            " where datasetId = ? and deletedAt is null order by entity.id",
            row["id"],
        )
        if json.loads(entity["data"]).get(name, "").strip()
    ]
    forms = datasets.metadata_json(call.store, row)["properties"]
    using = next(p["forms"] for p in forms if p["name"] == name)
    if filled or using:
        details = {"dependentForms": using, "entities": filled[:3], "totalEntities": len(filled)}
        raise problems.property_in_use(name, details)
    call.store.update("property", item["id"], deletedAt=call.store.now())
    call.log("dataset.update.property.delete", row["acteeId"], {"properties": [name]})
    return success()


@room.on(
    "GET",
    "/projects/{project}/forms/{form}/dataset-diff",
    "/projects/{project}/forms/{form}/draft/dataset-diff",
)
def diff(call: Call) -> Reply:
    form = form_of(call)
    require_user(call)
    draft = call.path.endswith("/draft/dataset-diff")
    return as_json(datasets.diff_json(call.store, definition_of(call, form)["id"], draft=draft))
