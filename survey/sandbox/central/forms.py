"""The addresses of forms: making, publishing, reading, closing, deleting them, and their media files."""

from urllib.parse import unquote

from instruments.xform import WorkbookRefused, convert_workbook
from survey.sandbox.central import definitions, media, problems
from survey.sandbox.central.addresses import definition_of, form_of, found, project_of, readable_form
from survey.sandbox.central.definitions import Upload
from survey.sandbox.central.exchange import Call, Reply, Room, actor_json, as_file, as_json, as_xml, success
from survey.sandbox.central.sessions import require_user
from survey.sandbox.central.storage import Row
from survey.sandbox.central.xform import read

room = Room()

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
STATES = ("open", "closing", "closed")
ONE = "/projects/{project}/forms/{form}"
DRAFT = f"{ONE}/draft"
VERSION = f"{ONE}/versions/{{version}}"


def _upload(call: Call) -> Upload:
    """The form in the body, an XForm or a workbook."""
    kind = call.headers.get("content-type", "").split(";")[0].strip()
    if kind == XLS:
        raise problems.not_supported(".xls workbooks")
    if kind != XLSX:
        return Upload(call.body.decode(errors="replace"))
    fallback = call.headers.get("x-xlsform-formid-fallback")
    try:
        xml, warnings = convert_workbook(call.body, unquote(fallback) if fallback else "data")
    except WorkbookRefused as refused:
        raise problems.bad_xlsform(str(refused), None) from refused
    return Upload(xml, call.body, kind, tuple(warnings))


def _plain(call: Call, form: Row) -> Reply:
    return as_json(definitions.form_json(form, definition_of(call, form)))


# making and publishing
@room.on("POST", "/projects/{project}/forms")
def create(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    number = definitions.create_form(call, project, _upload(call))
    if call.flag("publish"):
        made = found(call.store.one("select * from form where id = ?", number))
        definitions.publish(call, project, made, at_once=True)
    return _plain(call, found(call.store.one("select * from form where id = ?", number)))


@room.on("POST", DRAFT)
def draft(call: Call) -> Reply:
    """A new draft from the body; without a body, a copy of the published form."""
    project, form = project_of(call), form_of(call)
    require_user(call)
    upload = _upload(call) if call.body else definitions.copy_of_published(call, form)
    definitions.replace_draft(call, project, form, upload, same=not call.body)
    definitions.drop_draft_submissions(call, form["id"])
    return success()


@room.on("POST", f"{DRAFT}/publish")
def publish(call: Call) -> Reply:
    project, form = project_of(call), form_of(call)
    require_user(call)
    definitions.publish(call, project, form, version=call.query.get("version"))
    return success()


@room.on("DELETE", DRAFT)
def drop_draft(call: Call) -> Reply:
    form = form_of(call)
    require_user(call)
    if form["currentDefId"] is None:
        raise problems.only_draft()
    if form["draftDefId"] is None:
        raise problems.not_found()
    call.store.update("form", form["id"], draftDefId=None, updatedAt=call.store.now())
    definitions.drop_draft_submissions(call, form["id"])
    call.log("form.update.draft.delete", form["acteeId"], {"oldDraftDefId": form["draftDefId"]})
    return success()


# reading
@room.on("GET", "/projects/{project}/forms")
def listing(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    rows = definitions.forms_of(call, project["id"], extended=call.extended, deleted=call.flag("deleted"))
    return as_json(rows)


@room.on("GET", f"{ONE}.xml", f"{DRAFT}.xml", f"{VERSION}.xml")
def xml(call: Call) -> Reply:
    _, definition = readable_form(call)
    return as_xml(definition["xml"])


@room.on("GET", f"{ONE}.xlsx", f"{DRAFT}.xlsx", f"{VERSION}.xlsx")
def workbook(call: Call) -> Reply:
    form, definition = readable_form(call)
    blob = found(call.store.one("select * from blob where id = ?", definition["xls"]))
    return as_file(f"{form['xmlFormId']}.xlsx", blob["content"], XLSX, tag=f'"{blob["md5"]}"')


@room.on("GET", f"{ONE}.xls", f"{DRAFT}.xls", f"{VERSION}.xls")
def old_workbook(call: Call) -> Reply:
    readable_form(call)
    raise problems.not_found()


@room.on("GET", f"{ONE}/versions")
def versions(call: Call) -> Reply:
    """Published definitions, newest first."""
    form = form_of(call)
    require_user(call)
    sql = (
        "select * from form_def where formId = ? and publishedAt is not null order by publishedAt desc, id"
        " desc"
    )
    out = []
    for row in call.store.all(sql, form["id"]):
        body = definitions.form_json(form, row)
        if call.extended:
            by = call.store.one("select * from actor where id = ?", row["publishedBy"])
            body |= {"excelContentType": row["xlsType"], "publishedBy": actor_json(by), "publishNotes": None}
        out.append(body)
    return as_json(out)


@room.on("GET", ONE, DRAFT, VERSION)
def get(call: Call) -> Reply:
    form = form_of(call)
    definition = definition_of(call, form)
    require_user(call)
    body = definitions.form_json(form, definition)
    if call.extended:
        body |= definitions.extended_json(call, form, definition) | {"publishNotes": None}
    return as_json(body)


@room.on("GET", f"{ONE}/fields", f"{DRAFT}/fields", f"{VERSION}/fields")
def fields(call: Call) -> Reply:
    _, definition = readable_form(call)
    return as_json([f.json(odata=call.flag("odata")) for f in read(definition["xml"]).fields])


# changing and deleting
@room.on("PATCH", ONE)
def change(call: Call) -> Reply:
    """Opens and closes a form; other keys are ignored as Central ignores them."""
    form = form_of(call)
    require_user(call)
    state = call.json().get("state")
    if state is not None and state not in STATES:
        raise problems.unexpected("state", state, "not a recognized state name")
    changes = {} if state is None else {"state": state}
    call.store.update("form", form["id"], updatedAt=call.store.now(), **changes)
    call.log("form.update", form["acteeId"], {"data": changes})
    return _plain(call, form_of(call))


@room.on("DELETE", ONE)
def delete(call: Call) -> Reply:
    form = form_of(call)
    require_user(call)
    call.store.update("form", form["id"], deletedAt=call.store.now())
    call.log("form.delete", form["acteeId"])
    return success()


@room.on("POST", f"{ONE}/restore")
def restore(call: Call) -> Reply:
    """Brings a deleted form back, by its number in the list of deleted ones."""
    project = project_of(call)
    require_user(call)
    sql = "select * from form where projectId = ? and id = ? and deletedAt is not null"
    form = found(call.store.one(sql, project["id"], call.at["form"]))
    live = "select 1 from form where projectId = ? and xmlFormId = ? and deletedAt is null"
    if call.store.one(live, project["id"], form["xmlFormId"]):
        values = (project["id"], form["xmlFormId"])
        raise problems.duplicate(("projectId", "xmlFormId"), values, "forms")
    call.store.update("form", form["id"], deletedAt=None)
    call.log("form.restore", form["acteeId"])
    return success()


# media
@room.on("GET", f"{ONE}/attachments", f"{DRAFT}/attachments", f"{VERSION}/attachments")
def attachments(call: Call) -> Reply:
    _, definition = readable_form(call)
    return as_json([media.slot_json(row) for row in media.slots(call.store, definition["id"])])


@room.on(
    "GET", f"{ONE}/attachments/{{name}}", f"{DRAFT}/attachments/{{name}}", f"{VERSION}/attachments/{{name}}"
)
def attachment(call: Call) -> Reply:
    _, definition = readable_form(call)
    slot = found(media.slot(call.store, definition["id"], call.at["name"]))
    reply = media.download(call.store, slot, call.actor)
    if reply is None:
        raise problems.not_found()
    return reply


def _draft_slot(call: Call) -> Row:
    form = form_of(call)
    require_user(call)
    return found(media.slot(call.store, form["draftDefId"], call.at["name"]))


@room.on("POST", f"{DRAFT}/attachments/{{name}}")
def upload(call: Call) -> Reply:
    slot = _draft_slot(call)
    kind = call.headers.get("content-type") or "application/octet-stream"
    blob = call.store.blob(call.body, kind)
    media.fill(call, slot["formDefId"], slot["name"], blob=blob, dataset=None)
    details = {
        "formDefId": slot["formDefId"],
        "name": slot["name"],
        "oldBlobId": slot["blobId"],
        "newBlobId": blob,
    }
    call.log("form.attachment.update", form_of(call)["acteeId"], details)
    return as_json(media.slot_json(_draft_slot(call)))


@room.on("PATCH", f"{DRAFT}/attachments/{{name}}")
def link(call: Call) -> Reply:
    """Links a slot to the entity list of its name, or unlinks it."""
    slot = _draft_slot(call)
    sql = (
        "select id from dataset where projectId = ? and name = ? and deletedAt is null and publishedAt is"
        " not null"
    )
    dataset = found(call.store.one(sql, project_of(call)["id"], slot["name"].removesuffix(".csv")))["id"]
    linked = dataset if call.json().get("dataset") else None
    media.fill(call, slot["formDefId"], slot["name"], blob=None, dataset=linked)
    details = {"formDefId": slot["formDefId"], "name": slot["name"], "newDatasetId": linked}
    call.log("form.attachment.update", form_of(call)["acteeId"], details)
    body = media.slot_json(_draft_slot(call))
    del body["hash"]
    return as_json(body)


@room.on("DELETE", f"{DRAFT}/attachments/{{name}}")
def empty(call: Call) -> Reply:
    slot = _draft_slot(call)
    media.fill(call, slot["formDefId"], slot["name"], blob=None, dataset=None)
    return success()
