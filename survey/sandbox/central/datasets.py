"""Entity lists and their properties: how forms make, widen and publish them.

A form that writes to a list makes it (unpublished) with its draft and publishes it, and the properties it
saves to, when the form is published. Addresses are in `entity_lists`, entities themselves in `entities`.
"""

import json
from typing import Any

from survey.sandbox.central import access, problems
from survey.sandbox.central.exchange import Call
from survey.sandbox.central.storage import Row, Store
from survey.sandbox.central.xform import Definition, EntityBlock, odata_name

FORMS_WITH = (
    "select distinct form.id, xmlFormId, coalesce(form_def.name, xmlFormId) as name, form_def.id ="
    " draftDefId as draft"
    " from form join form_def on form_def.id in (currentDefId, draftDefId)"
)


def published(store: Store, project: int, *, deleted: bool = False) -> list[Row]:
    """The published lists of a project, by name."""
    sql = f"projectId = ? and publishedAt is not null and deletedAt is {'not ' if deleted else ''}null"
    return store.all(f"select * from dataset where {sql} order by name", project)


def properties(store: Store, dataset: int) -> list[Row]:
    """The published properties: by publication, then by place in the forms that save to them."""
    return store.all(
        "select property.*, min(coalesce(place, 1000000)) as first from property"
        " left join property_field on propertyId = property.id"
        " where datasetId = ? and publishedAt is not null and deletedAt is null group by property.id"
        " order by publication, first, property.id",
        dataset,
    )


# through forms
def merge(call: Call, project: Row, definition: int, parsed: Definition) -> None:
    """Makes or widens the lists a new definition writes to; nothing is published yet."""
    for block in parsed.blocks:
        dataset = _named(call, project, block.dataset)
        _refuse_property_capitals(call.store, dataset, block)
        actions = json.dumps(block.actions)
        call.store.insert(
            "dataset_form",
            datasetId=dataset,
            formDefId=definition,
            actions=actions,
            path=block.path,
            isRepeat=block.is_repeat,
        )
        for f in block.fields:
            sql = "select id from property where datasetId = ? and name = ? and deletedAt is null"
            number = call.store.value(sql, dataset, f.saveto)
            number = number or call.store.insert("property", datasetId=dataset, name=f.saveto)
            call.store.insert(
                "property_field", propertyId=number, formDefId=definition, path=f.path, place=f.order
            )


def _named(call: Call, project: Row, name: str) -> int:
    refuse_other_capitals(call.store, project["id"], name)
    known = call.store.value(
        "select id from dataset where projectId = ? and name = ? and deletedAt is null", project["id"], name
    )
    return known or call.store.insert(
        "dataset",
        projectId=project["id"],
        name=name,
        acteeId=call.store.uuid(),
        approvalRequired=0,
        createdAt=call.store.now(),
    )


def refuse_other_capitals(store: Store, project: int, name: str) -> None:
    """409.16: list names are told apart by more than capitals."""
    for row in published(store, project):
        if row["name"].lower() == name.lower() and row["name"] != name:
            raise problems.other_capitals(row["name"], name)


def _refuse_property_capitals(store: Store, dataset: int, block: EntityBlock) -> None:
    known = {row["name"].lower(): row["name"] for row in properties(store, dataset)}
    pairs = [
        {"current": known[f.saveto.lower()], "provided": f.saveto}
        for f in block.fields
        if f.saveto and known.get(f.saveto.lower(), f.saveto) != f.saveto
    ]
    if pairs:
        raise problems.property_capitals(pairs)


def publish(call: Call, project: Row, definition: int, now: str) -> None:
    """Publishes the lists and properties of a definition that is being published, and links its own CSV."""
    store, publication = call.store, call.store.next("publication")
    sql = "select dataset.* from dataset join dataset_form on datasetId = dataset.id where formDefId = ?"
    for row in store.all(sql, definition):
        fresh = row["publishedAt"] is None
        refuse_other_capitals(store, project["id"], row["name"])
        added = store.all(
            "select property.* from property join property_field on propertyId = property.id"
            " where formDefId = ? and datasetId = ? and publishedAt is null order by property.id",
            definition,
            row["id"],
        )
        for item in added:
            store.update("property", item["id"], publishedAt=now, publication=publication)
        if fresh:
            store.update("dataset", row["id"], publishedAt=now)
            store.run(
                "update form_attachment set datasetId = ?, updatedAt = ? where formDefId = ? and name = ? and"
                " type = 'file' and blobId is null and datasetId is null",
                row["id"],
                now,
                definition,
                f"{row['name']}.csv",
            )
        if fresh or added:
            names = [item["name"] for item in added]
            call.log("dataset.create" if fresh else "dataset.update", row["acteeId"], {"properties": names})


# JSON
def list_json(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "createdAt": row["createdAt"],
        "projectId": row["projectId"],
        "approvalRequired": bool(row["approvalRequired"]),
        "ownerOnly": bool(row["ownerOnly"]),
        "deletedAt": row["deletedAt"],
    }


def numbers_json(store: Store, row: Row) -> dict[str, Any]:
    """What the header X-Extended-Metadata adds to a list."""
    stats = store.one(
        "select count(*) as entities, max(createdAt) as lastEntity, count(conflict) as conflicts from entity"
        " where datasetId = ? and deletedAt is null",
        row["id"],
    )
    return dict(stats) if stats else {}


def metadata_json(store: Store, row: Row) -> dict[str, Any]:
    """A list with its properties and the forms that write to it or read it."""
    source = store.all(
        f"{FORMS_WITH} join dataset_form on formDefId = form_def.id where datasetId = ? and deletedAt is null"
        " order by 2",
        row["id"],
    )
    linked = store.all(
        f"{FORMS_WITH} join form_attachment on formDefId = form_def.id where datasetId = ? and deletedAt is"
        " null"
        " order by 2",
        row["id"],
    )
    last = store.value("select max(loggedAt) from audit where acteeId = ?", row["acteeId"])
    return {
        "lastUpdate": last,
        "linkedForms": _names(linked, draft=False),
        "sourceForms": _names(source, draft=False),
        "draftLinkedForms": _names(linked, draft=True),
        "draftSourceForms": _names(source, draft=True),
        "properties": [_property_json(store, item) for item in properties(store, row["id"])],
        **({"accessFilter": limited} if (limited := access.filter_json(store, row)) else {}),
    }


def _names(rows: list[Row], *, draft: bool) -> list[dict[str, str]]:
    return [{"name": r["name"], "xmlFormId": r["xmlFormId"]} for r in rows if bool(r["draft"]) == draft]


def _property_json(store: Store, row: Row) -> dict[str, Any]:
    forms = store.all(
        "select xmlFormId, coalesce(name, xmlFormId) as name from property_field join form on currentDefId ="
        " formDefId"
        " join form_def on form_def.id = currentDefId where propertyId = ? and deletedAt is null order by"
        " place, form.id",
        row["id"],
    )
    return {
        "name": row["name"],
        "publishedAt": row["publishedAt"],
        "odataName": odata_name(row["name"]),
        "forms": [dict(form) for form in forms],
    }


def diff_json(store: Store, definition: int, *, draft: bool) -> list[dict[str, Any]]:
    """What a definition does to its lists: properties of the list first, then those in the form."""
    out = []
    sql = (
        "select dataset.* from dataset join dataset_form on datasetId = dataset.id where formDefId = ?"
        " order by id"
    )
    for row in store.all(sql, definition):
        mine = store.all(
            "select property.* from property join property_field on propertyId = property.id"
            f" where formDefId = ? and datasetId = ? {'' if draft else 'and publishedAt is not null'} order"
            " by place",
            definition,
            row["id"],
        )
        inside = {item["name"] for item in mine}
        others = [item for item in properties(store, row["id"]) if item["name"] not in inside]
        items = [_diffed(item, in_form=False, draft=draft) for item in others]
        items += [_diffed(item, in_form=True, draft=draft) for item in mine]
        body: dict[str, Any] = {"name": row["name"], "properties": items}
        out.append(body | ({"isNew": row["publishedAt"] is None} if draft else {}))
    return out


def _diffed(row: Row, *, in_form: bool, draft: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": row["name"], "inForm": in_form}
    return body | ({"isNew": row["publishedAt"] is None} if draft else {})
