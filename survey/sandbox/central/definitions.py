"""Form definitions: drafts, versions, publishing, and how a form reads as JSON.

A form has one published definition, at most one draft and any number of older versions. Here are the rules
for making and publishing them, with Central's warnings and refusals; who may ask and at which address is in
`forms`.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from survey.sandbox.central import datasets, media, problems
from survey.sandbox.central.exchange import Call, actor_json
from survey.sandbox.central.sessions import FORM_VIEWER
from survey.sandbox.central.storage import Row
from survey.sandbox.central.xform import Definition, Field, read, version_in

QUIET = ("/meta", "/meta/entity", "/meta/entity/label")


@dataclass(frozen=True, slots=True)
class Upload:
    """A form text as it came in, with the workbook it was made from and pyxform's warnings."""

    xml: str
    workbook: bytes | None = None
    workbook_type: str | None = None
    warnings: tuple[str, ...] = ()


# JSON
def form_json(form: Row, definition: Row) -> dict[str, Any]:
    """A form with one of its definitions, as Central shows it."""
    names = ("projectId", "xmlFormId", "state", "createdAt", "updatedAt")
    body: dict[str, Any] = {name: form[name] for name in names}
    body |= {"enketoId": None, "enketoOnceId": None, "webformsEnabled": True, "keyId": None}
    body |= {
        name: definition[name] for name in ("version", "hash", "sha", "sha256", "draftToken", "publishedAt")
    }
    body["name"] = definition["name"] or form["xmlFormId"]
    if form["deletedAt"]:
        body |= {"deletedAt": form["deletedAt"], "id": form["id"]}
    return body


def extended_json(call: Call, form: Row, definition: Row) -> dict[str, Any]:
    """What the header X-Extended-Metadata adds."""
    count = call.store.value
    live = "formId = ? and not draft and deletedAt is null"
    states = {
        name: count(f"select count(*) from submission where {live} and reviewState is ?", form["id"], state)
        for name, state in (("received", None), ("hasIssues", "hasIssues"), ("edited", "edited"))
    }
    maker = call.store.one("select * from actor where id = ?", form["createdBy"])
    return {
        "submissions": count(f"select count(*) from submission where {live}", form["id"]),
        "entityRelated": bool(read(definition["xml"]).blocks),
        "reviewStates": states,
        "lastSubmission": count(f"select max(createdAt) from submission where {live}", form["id"]),
        "excelContentType": definition["xlsType"],
        "publicLinks": 0,
        "createdBy": actor_json(maker),
    }


def forms_of(
    call: Call, project: int, *, extended: bool = False, deleted: bool = False
) -> list[dict[str, Any]]:
    """The forms of a project by name, each with its published definition, else its draft."""
    rows = call.store.all(
        "select form.*, form_def.id as defId from form join form_def on form_def.id = coalesce(currentDefId,"
        " draftDefId)"
        f" where projectId = ? and deletedAt is {'not ' if deleted else ''}null"
        " order by coalesce(name, xmlFormId), form.id",
        project,
    )
    out = []
    for row in rows:
        definition = call.store.one("select * from form_def where id = ?", row["defId"])
        assert definition is not None
        body = form_json(row, definition)
        out.append(body | extended_json(call, row, definition) if extended else body)
    return out


# drafts
def create_form(call: Call, project: Row, upload: Upload) -> int:
    """Makes a form with a draft and gives its number."""
    parsed = read(upload.xml)
    if not any(f.name == "meta" and f.type == "structure" for f in parsed.fields):
        raise problems.no_meta()
    _refuse_warnings(call, upload, _creation_warnings(call, project["id"], parsed))
    taken = "select 1 from form where projectId = ? and xmlFormId = ? and deletedAt is null"
    if call.store.one(taken, project["id"], parsed.form_id):
        raise problems.duplicate(("projectId", "xmlFormId"), (project["id"], parsed.form_id), "forms")
    store = call.store
    actee = store.uuid()
    number = store.insert(
        "form",
        projectId=project["id"],
        xmlFormId=parsed.form_id,
        state="open",
        acteeId=actee,
        createdBy=call.actor_id,
        createdAt=store.now(),
    )
    draft = _store_definition(call, number, upload, parsed, call.store.next("schema"), None)
    store.update("form", number, draftDefId=draft)
    media.attach_new(call, project["id"], draft, parsed)
    datasets.merge(call, project, draft, parsed)
    call.log("form.create", actee)
    return number


def replace_draft(call: Call, project: Row, form: Row, upload: Upload, *, same: bool = False) -> int:
    """Gives a form a new draft; `same` skips the warnings when only the version text changed."""
    parsed = read(upload.xml)
    if parsed.form_id != form["xmlFormId"]:
        raise problems.unexpected("xmlFormId", parsed.form_id, "does not match the form you are updating")
    before = call.store.one("select * from form_def where id = ?", form["currentDefId"])
    schema, warnings = None, []
    if before is not None:
        old = read(before["xml"]).fields
        if _shape(old) == _shape(parsed.fields):
            schema = before["schemaId"]
        else:
            _refuse_type_changes(_merged_fields(call, form["id"]), parsed.fields)
            warnings = [] if same else _removals(old, parsed.fields)
    _refuse_warnings(call, upload, warnings)
    held = call.store.one("select * from form_def where id = ?", form["draftDefId"])
    token = held["draftToken"] if held is not None else None
    fresh = schema is None
    schema = schema or call.store.next("schema")
    draft = _store_definition(call, form["id"], upload, parsed, schema, token, check=fresh)
    media.carry_over(call, form, draft, parsed)
    datasets.merge(call, project, draft, parsed)
    call.store.update("form", form["id"], draftDefId=draft, updatedAt=call.store.now())
    call.log(
        "form.update.draft.set",
        form["acteeId"],
        {"oldDraftDefId": form["draftDefId"], "newDraftDefId": draft},
    )
    return draft


def copy_of_published(call: Call, form: Row) -> Upload:
    """The published form as a new upload."""
    row = call.store.one("select * from form_def where id = ?", form["currentDefId"])
    if row is None:
        raise problems.missing("xml")
    return _as_upload(call, row)


def _as_upload(call: Call, row: Row, xml: str | None = None) -> Upload:
    workbook = call.store.one("select content from blob where id = ?", row["xls"])
    return Upload(xml or row["xml"], None if workbook is None else workbook["content"], row["xlsType"])


def drop_draft_submissions(call: Call, form: int) -> None:
    """Test submissions live as long as the draft they were made for."""
    gone = "select id from submission where formId = ? and draft"
    call.store.run(f"delete from submission_def where submissionId in ({gone})", form)
    call.store.run("delete from submission where formId = ? and draft", form)


def _store_definition(
    call: Call,
    form: int,
    upload: Upload,
    parsed: Definition,
    schema: int,
    token: str | None,
    *,
    check: bool = True,
) -> int:
    if check:
        _refuse_double_fields(parsed, schema)
    raw = upload.xml.encode()
    workbook = None
    if upload.workbook is not None:
        workbook = call.store.blob(upload.workbook, upload.workbook_type or "")
    return call.store.insert(
        "form_def",
        formId=form,
        version=parsed.version,
        xml=upload.xml,
        name=parsed.title,
        hash=hashlib.md5(raw).hexdigest(),
        sha=hashlib.sha1(raw).hexdigest(),
        sha256=hashlib.sha256(raw).hexdigest(),
        xls=workbook,
        xlsType=upload.workbook_type,
        draftToken=token or call.store.token(),
        schemaId=schema,
    )


# publishing
def publish(
    call: Call, project: Row, form: Row, *, version: str | None = None, at_once: bool = False
) -> None:
    """Makes the draft the published definition; 409.6 where the version text was used before."""
    store = call.store
    draft = store.one("select * from form_def where id = ?", form["draftDefId"])
    if draft is None:
        raise problems.not_found()
    if version:
        renamed = _as_upload(call, draft, version_in(draft["xml"], version))
        number = replace_draft(call, project, form, renamed, same=True)
        draft = store.one("select * from form_def where id = ?", number)
        assert draft is not None
    used = (
        "select 1 from form_def join form on form.id = formId where projectId = ? and xmlFormId = ? and"
        " version = ?"
        " and publishedAt is not null"
    )
    if store.one(used, project["id"], form["xmlFormId"], draft["version"]):
        raise problems.version_exists(form["xmlFormId"], draft["version"])
    now = form["createdAt"] if at_once else store.now()
    store.update("form_def", draft["id"], draftToken=None, publishedAt=now, publishedBy=call.actor_id)
    updated = None if at_once else now
    store.update("form", form["id"], currentDefId=draft["id"], draftDefId=None, updatedAt=updated)
    datasets.publish(call, project, draft["id"], now)
    _viewer(call, form)
    drop_draft_submissions(call, form["id"])
    details = {"oldDefId": form["currentDefId"], "newDefId": draft["id"]}
    call.log("form.update.publish", form["acteeId"], details)


def _viewer(call: Call, form: Row) -> None:
    """Adds the actor Central gives its web-form service at every publishing; it shows among assignments."""
    name = f"Enketo sync token for {form['acteeId']}"
    actor = call.store.insert(
        "actor", type="singleUse", displayName=name, acteeId=call.store.uuid(), createdAt=call.store.now()
    )
    call.store.insert("assignment", actorId=actor, roleId=FORM_VIEWER, acteeId=form["acteeId"])


# checks
def _creation_warnings(call: Call, project: int, parsed: Definition) -> list[dict[str, Any]]:
    deleted = "select 1 from form where projectId = ? and xmlFormId = ? and deletedAt is not null"
    warnings: list[dict[str, Any]] = []
    if call.store.one(deleted, project, parsed.form_id):
        warnings.append({"type": "deletedFormExists", "details": {"xmlFormId": parsed.form_id}})
    return [*warnings, *parsed.spec_warnings]


def _refuse_warnings(call: Call, upload: Upload, workflow: list[dict[str, Any]]) -> None:
    if call.flag("ignoreWarnings"):
        return
    warnings: dict[str, Any] = {}
    if upload.warnings:
        warnings["xlsFormWarnings"] = list(upload.warnings)
    if workflow:
        warnings["workflowWarnings"] = workflow
    if warnings:
        raise problems.form_warnings(warnings)


def _shape(fields: tuple[Field, ...]) -> list[tuple[str, int, str, bool]]:
    return [(f.path, f.order, f.type, f.multiple) for f in fields]


def _removals(old: tuple[Field, ...], new: tuple[Field, ...]) -> list[dict[str, Any]]:
    kept = {f.path for f in new}
    gone = [f.name for f in old if f.path not in kept and not f.path.endswith(QUIET)]
    return [{"type": "structureChanged", "details": gone}] if gone else []


def _merged_fields(call: Call, form: int) -> dict[str, str]:
    """Path to type over all published definitions, the newest winning."""
    sql = "select xml from form_def where formId = ? and publishedAt is not null order by id"
    return {f.path: f.type for row in call.store.all(sql, form) for f in read(row["xml"]).fields}


def _refuse_type_changes(known: dict[str, str], fields: tuple[Field, ...]) -> None:
    for f in fields:
        before = known.get(f.path)
        if before is None or before == f.type:
            continue
        if f.type != "string" or before in ("structure", "repeat"):
            raise problems.type_changed(f.path, before)


def _refuse_double_fields(parsed: Definition, schema: int) -> None:
    seen = set()
    for f in parsed.fields:
        if f.path in seen:
            raise problems.duplicate(("schemaId", "path"), (schema, f.path), "form_fields")
        seen.add(f.path)
