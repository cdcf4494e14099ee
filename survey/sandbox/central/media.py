"""The files a form definition expects: uploads, and CSVs that are entity lists.

A slot exists for each file the form names. It holds an uploaded file, or a link to the entity list of the
same name, or nothing. A new draft takes over what the draft or version before it held.
"""

import csv
import hashlib
import io
import json
from typing import Any

from survey.sandbox.central import datasets
from survey.sandbox.central.access import Sight
from survey.sandbox.central.addresses import found
from survey.sandbox.central.exchange import CSV, Call, Reply, as_file
from survey.sandbox.central.storage import Row, Store
from survey.sandbox.central.xform import Definition

SLOT = (
    "select form_attachment.*, blob.md5 from form_attachment left join blob on blob.id = blobId where"
    " formDefId = ?"
)


def attach_new(call: Call, project: int, definition: int, parsed: Definition) -> None:
    """Makes the slots of a new form; a published entity list of the right name is linked by itself."""
    lists = {f"{row['name']}.csv": row["id"] for row in datasets.published(call.store, project)}
    for name, kind in parsed.media:
        linked = lists.get(name) if kind == "file" else None
        call.store.insert("form_attachment", formDefId=definition, name=name, type=kind, datasetId=linked)


def carry_over(call: Call, form: Row, definition: int, parsed: Definition) -> None:
    """Makes the slots of a new draft, with what the one before held."""
    before = form["draftDefId"] or form["currentDefId"]
    held = {(row["name"], row["type"]): row for row in call.store.all(SLOT, before)}
    for name, kind in parsed.media:
        old = held.get((name, kind))
        kept = {key: old[key] for key in ("blobId", "datasetId", "updatedAt")} if old is not None else {}
        call.store.insert("form_attachment", formDefId=definition, name=name, type=kind, **kept)


def slots(store: Store, definition: int) -> list[Row]:
    return store.all(f"{SLOT} order by name", definition)


def slot(store: Store, definition: int, name: str) -> Row | None:
    return store.one(f"{SLOT} and name = ?", definition, name)


def fill(call: Call, definition: int, name: str, *, blob: int | None, dataset: int | None) -> None:
    """Puts a file or a link into a slot, or empties it."""
    sql = (
        "update form_attachment set blobId = ?, datasetId = ?, updatedAt = ? where formDefId = ? and name = ?"
    )
    call.store.run(sql, blob, dataset, call.store.now(), definition, name)


def slot_json(row: Row) -> dict[str, Any]:
    body = {
        "name": row["name"],
        "type": row["type"],
        "hash": row["md5"],
        "exists": row["blobId"] is not None or row["datasetId"] is not None,
        "blobExists": row["blobId"] is not None,
        "datasetExists": row["datasetId"] is not None,
    }
    return body | ({"updatedAt": row["updatedAt"]} if row["updatedAt"] else {})


def openrosa_hash(store: Store, row: Row, actor: Row | None = None) -> str | None:
    """The md5 a tablet compares: of the file, or of the last thing that happened to the entity list."""
    if row["datasetId"] is None:
        return None if row["md5"] is None else str(row["md5"])
    dataset = store.one("select * from dataset where id = ?", row["datasetId"])
    assert dataset is not None
    return list_hash(store, dataset, actor)


def list_hash(store: Store, dataset: Row, actor: Row | None = None) -> str:
    """A digest that moves with everything logged about a list, and differs where its rows may differ."""
    names = sorted(p["name"] for p in datasets.properties(store, dataset["id"]))
    state = [
        dataset["acteeId"],
        names,
        store.value("select max(id) from audit where acteeId = ?", dataset["acteeId"]),
        *Sight(store, dataset, actor).mark,
    ]
    return hashlib.md5(json.dumps(state).encode()).hexdigest()


def download(store: Store, row: Row, actor: Row | None = None) -> Reply | None:
    """The content of a slot as `actor` gets it, or None if it is empty."""
    tag = openrosa_hash(store, row, actor)
    if row["blobId"] is not None:
        blob = store.one("select * from blob where id = ?", row["blobId"])
        assert blob is not None
        return as_file(row["name"], blob["content"], blob["contentType"], tag=f'"{tag}"')
    if row["datasetId"] is not None:
        content = entity_list_csv(store, row["datasetId"], actor).encode()
        return as_file(row["name"], content, CSV, tag=f'"{tag}"')
    return None


def entity_list_csv(store: Store, dataset: int, actor: Row | None) -> str:
    """An entity list as tablets read it: name, label, __version and the properties, newest first."""
    names = [row["name"] for row in datasets.properties(store, dataset)]
    rows = store.all(
        "select uuid, label, version, data, entity.creatorId as maker from entity"
        " join entity_def on entityId = entity.id and current where datasetId = ? and deletedAt is null"
        " order by entity.createdAt desc, entity.id desc",
        dataset,
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "label", "__version", *names])
    sight = Sight(store, found(store.one("select * from dataset where id = ?", dataset)), actor)
    for row in (row for row in rows if sight.gets(row["maker"], row["data"])):
        data = json.loads(row["data"])
        writer.writerow([row["uuid"], row["label"], row["version"], *(data.get(name, "") for name in names)])
    return out.getvalue()
