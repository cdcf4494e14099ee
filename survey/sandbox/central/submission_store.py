"""Submissions in the store: reading what comes in, keeping every edit, its files, and showing it as JSON.

Here are Central's rules for accepting, editing and reviewing. The two ways in (REST and OpenRosa) and their
different manners with repeats are in `submissions` and `openrosa`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from survey.sandbox.central import problems
from survey.sandbox.central.entity_making import Event, make_entities
from survey.sandbox.central.exchange import Call, actor_json
from survey.sandbox.central.sessions import may_use
from survey.sandbox.central.storage import Row, Store
from survey.sandbox.central.xform import child, children, lenient, local, read

LONGEST_ID = 64
STATES = (None, "hasIssues", "edited", "rejected", "approved")
NOT_HERE = "did not match the form ID in the URL"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A submission's XML and what Central reads from it before keeping it."""

    xml: bytes
    form_id: str
    version: str
    instance: str | None
    deprecated: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class File:
    """A file that came along, by the name it was sent under."""

    content: bytes
    content_type: str


def incoming(xml: bytes) -> Incoming:
    """Reads a submission; 400.2 where not even the form id can be found."""
    root = lenient(xml)
    form_id = None if root is None else next((v for k, v in root.attrib.items() if local(k) == "id"), None)
    if root is None or not form_id:
        raise problems.missing("form ID xml attribute")
    meta = child(root, "meta")

    def text(name: str) -> str | None:
        node = child(meta, name)
        return None if node is None else (node.text or "").strip() or None

    version = next((v for k, v in root.attrib.items() if local(k) == "version"), "")
    return Incoming(xml, form_id, version, text("instanceID"), text("deprecatedID"), text("instanceName"))


def accepting_form(call: Call, project: int, form_id: str, version: str) -> tuple[Row, Row]:
    """The open form and the definition a submission names, if the caller may submit to it."""
    sql = "select * from form where projectId = ? and xmlFormId = ? and deletedAt is null"
    form = call.store.one(sql, project, form_id)
    if form is None:
        raise problems.not_found()
    sql = (
        "select * from form_def where formId = ? and version = ? and publishedAt is not null order by id desc"
    )
    definition = call.store.one(sql, form["id"], version)
    if definition is None:
        raise problems.version_not_found(version)
    if form["state"] == "closed":
        raise problems.closed()
    if not may_use(call, form["acteeId"]):
        raise problems.forbidden()
    return form, definition


def version_named(store: Store, form: int, instance: str, *, draft: bool) -> Row | None:
    """The version of any submission to a form that carries this instanceID."""
    return store.one(
        "select submission_def.* from submission_def join submission on submission.id = submissionId where"
        " formId = ?"
        " and draft = ? and deletedAt is null and submission_def.instanceId = ? order by submission_def.id"
        " desc",
        form,
        draft,
        instance,
    )


# keeping
def create(
    call: Call, form: Row, definition: Row, new: Incoming, files: Mapping[str, File], *, draft: bool
) -> Row:
    """Keeps a new submission and makes its entities."""
    store, now = call.store, call.store.now()
    instance = new.instance or f"uuid:{store.uuid()}"
    if len(instance) > LONGEST_ID:
        raise problems.too_long()
    if store.one(
        "select 1 from submission where formId = ? and instanceId = ? and draft = ?",
        form["id"],
        instance,
        draft,
    ):
        values = (form["id"], instance, "t" if draft else "f")
        raise problems.duplicate(("formId", "instanceId", "draft"), values, "submissions")
    device = (call.query.get("deviceID") or "")[:255] or None
    number = store.insert(
        "submission",
        formId=form["id"],
        instanceId=instance,
        draft=draft,
        submitterId=call.actor_id,
        deviceId=device,
        userAgent=call.user_agent,
        createdAt=now,
        event=store.next("event"),
    )
    version = _keep_version(call, number, definition, new, instance, now, root=True)
    _keep_files(store, version, definition, new.xml, files, {})
    _tell(call, "submission.create", form, number, version, instance, draft=draft)
    row = store.one("select * from submission where id = ?", number)
    assert row is not None
    return row


def edit(
    call: Call, form: Row, definition: Row, old: Row, new: Incoming, files: Mapping[str, File], *, draft: bool
) -> None:
    """Keeps a new version over `old`, with the files both name."""
    store, now = call.store, call.store.now()
    instance = new.instance or f"uuid:{store.uuid()}"
    if len(instance) > LONGEST_ID:
        raise problems.too_long()
    taken = (
        "select 1 from submission_def join submission on submission.id = submissionId where formId = ? and"
        " draft = ?"
        " and submission_def.instanceId = ?"
    )
    if store.one(taken, form["id"], draft, instance):
        raise problems.duplicate_instance(instance)
    number = old["submissionId"]
    store.run("update submission_def set current = 0 where submissionId = ? and current", number)
    store.update("submission", number, reviewState="edited", updatedAt=now, event=store.next("event"))
    version = _keep_version(call, number, definition, new, instance, now, root=False)
    held = {
        r["name"]: r["blobId"]
        for r in store.all("select * from submission_attachment where defId = ?", old["id"])
    }
    _keep_files(store, version, definition, new.xml, files, held)
    _tell(call, "submission.update.version", form, number, version, instance, draft=draft)


def review(call: Call, form: Row, submission: Row, changes: dict[str, Any]) -> None:
    """Sets the review state; an approval may make entities that waited for it."""
    store = call.store
    if changes:
        if changes["reviewState"] not in STATES:
            raise problems.unexpected("state", changes["reviewState"], "not a recognized state name")
        store.update(
            "submission", submission["id"], updatedAt=store.now(), event=store.next("event"), **changes
        )
    version = store.value(
        "select id from submission_def where submissionId = ? and current", submission["id"]
    )
    details = {"submissionId": submission["id"], "submissionDefId": version, **changes}
    number = call.log("submission.update", form["acteeId"], details)
    about = ("submission.update", submission["id"], version, changes.get("reviewState"))
    make_entities(store, Event(number, call.actor_id, form["acteeId"], *about))


def add_files(store: Store, version: int, files: Mapping[str, File]) -> int:
    """Fills the file slots of a version; files it does not name are dropped. Gives how many were taken."""
    taken = 0
    for name, file in files.items():
        if store.one("select 1 from submission_attachment where defId = ? and name = ?", version, name):
            blob = store.blob(file.content, file.content_type)
            store.run(
                "update submission_attachment set blobId = ? where defId = ? and name = ?",
                blob,
                version,
                name,
            )
            taken += 1
    return taken


def _keep_version(
    call: Call, submission: int, definition: Row, new: Incoming, instance: str, now: str, *, root: bool
) -> int:
    return call.store.insert(
        "submission_def",
        submissionId=submission,
        formDefId=definition["id"],
        instanceId=instance,
        instanceName=new.name,
        xml=new.xml,
        submitterId=call.actor_id,
        deviceId=(call.query.get("deviceID") or "")[:255] or None,
        userAgent=call.user_agent,
        createdAt=now,
        current=1,
        root=root,
    )


def _keep_files(
    store: Store,
    version: int,
    definition: Row,
    xml: bytes,
    files: Mapping[str, File],
    held: Mapping[str, int],
) -> None:
    """Makes a slot for each file the XML names, filled from this request or from the version before."""
    binary = [f.path for f in read(definition["xml"]).fields if f.binary]
    names = _named_files(xml, binary) if binary else []
    for name in dict.fromkeys(names):
        store.insert("submission_attachment", defId=version, name=name, blobId=held.get(name))
    add_files(store, version, {name: file for name, file in files.items() if name in names})


def _named_files(xml: bytes, paths: list[str]) -> list[str]:
    root = lenient(xml)
    names = []
    for path in paths:
        nodes = [root] if root is not None else []
        for part in path.strip("/").split("/"):
            nodes = [c for node in nodes for c in children(node, part)]
        names += [name for node in nodes if (name := (node.text or "").strip())]
    return names


def _tell(
    call: Call, action: str, form: Row, submission: int, version: int, instance: str, *, draft: bool
) -> None:
    details = {"submissionId": submission, "instanceId": instance, "submissionDefId": version}
    number = call.log(action, form["acteeId"], details)
    if not draft:
        make_entities(call.store, Event(number, call.actor_id, form["acteeId"], action, submission, version))


# JSON
def version_json(store: Store, row: Row, *, extended: bool) -> dict[str, Any]:
    names = ("submitterId", "createdAt", "instanceName", "instanceId", "deviceId", "userAgent")
    body: dict[str, Any] = {name: row[name] for name in names}
    body["current"] = bool(row["current"])
    if extended:
        body["submitter"] = actor_json(store.one("select * from actor where id = ?", row["submitterId"]))
    return body


def submission_json(store: Store, row: Row, *, extended: bool = False) -> dict[str, Any]:
    """A submission with its current version."""
    names = (
        *("instanceId", "submitterId", "deviceId", "createdAt", "updatedAt"),
        *("reviewState", "userAgent", "deletedAt"),
    )
    body: dict[str, Any] = {name: row[name] for name in names}
    if extended:
        body["submitter"] = actor_json(store.one("select * from actor where id = ?", row["submitterId"]))
    current = store.one("select * from submission_def where submissionId = ? and current", row["id"])
    assert current is not None
    body["currentVersion"] = version_json(store, current, extended=extended)
    return body
