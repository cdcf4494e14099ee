"""The REST addresses of submissions: sending, editing, reviewing, deleting, and reading them back."""

import hashlib
from urllib.parse import quote

from survey.sandbox.central import audits, problems
from survey.sandbox.central import submission_store as keeping
from survey.sandbox.central.addresses import definition_of, form_of, found, project_of, submission_of
from survey.sandbox.central.exchange import (
    Call,
    Reply,
    Room,
    actor_json,
    as_file,
    as_json,
    as_xml,
    paging,
    success,
)
from survey.sandbox.central.sessions import may_use, require_user
from survey.sandbox.central.storage import Row, Store
from survey.sandbox.central.submission_store import File, Incoming, submission_json, version_json

room = Room()

FORM = "/projects/{project}/forms/{form}"
ALL = f"{FORM}/submissions"
DRAFTS = f"{FORM}/draft/submissions"
ONE = f"{ALL}/{{instance}}"
VERSION = f"{ONE}/versions/{{edit}}"


def event_tag(events: list[int]) -> str:
    """Central's weak entity tag of a selection: which rows, in which order, and their last row events."""
    digest = hashlib.md5(",".join(map(str, events)).encode()).hexdigest()
    return f'W/"eventhash:{digest}"'


def _draft(call: Call) -> bool:
    return "/draft/submissions" in call.path


def _form(call: Call) -> Row:
    form = form_of(call)
    require_user(call)
    return form


def _target(call: Call, new: Incoming, *, draft: bool) -> tuple[Row, Row]:
    """The form of the address and the definition a submission names."""
    if not draft:
        return keeping.accepting_form(call, project_of(call)["id"], call.at["form"], new.version)
    form = form_of(call)
    definition = definition_of(call, form)
    if not may_use(call, form["acteeId"]):
        raise problems.forbidden()
    return form, definition


# sending and editing
@room.on("POST", ALL, DRAFTS)
def create(call: Call) -> Reply:
    """Keeps a new submission; a repeated instanceID is refused, whatever the XML."""
    new, draft = keeping.incoming(call.body), _draft(call)
    form, definition = _target(call, new, draft=draft)
    if new.form_id != call.at["form"]:
        raise problems.unexpected("form id", new.form_id, keeping.NOT_HERE)
    row = keeping.create(call, form, definition, new, {}, draft=draft)
    body = submission_json(call.store, row)
    return as_json({key: value for key, value in body.items() if key not in ("reviewState", "deletedAt")})


@room.on("PUT", ONE, f"{DRAFTS}/{{instance}}")
def edit(call: Call) -> Reply:
    """Keeps a new version; it must name the current one as deprecated."""
    new, draft = keeping.incoming(call.body), _draft(call)
    if new.form_id != call.at["form"]:
        raise problems.unexpected("form id", new.form_id, keeping.NOT_HERE)
    if new.deprecated is None:
        raise problems.no_deprecated_id()
    submission = submission_of(call, form_of(call), draft=draft)
    sql = "select * from submission_def where submissionId = ? and current"
    current = found(call.store.one(sql, submission["id"]))
    if current["instanceId"] != new.deprecated:
        raise problems.out_of_date(new.deprecated)
    form, definition = _target(call, new, draft=draft)
    keeping.edit(call, form, definition, current, new, {}, draft=draft)
    return as_json(submission_json(call.store, submission_of(call, form, draft=draft)))


@room.on("PATCH", ONE)
def review(call: Call) -> Reply:
    """Sets the review state, the only thing a patch can change."""
    form = _form(call)
    row = submission_of(call, form)
    changes = {key: value for key, value in call.json().items() if key == "reviewState"}
    keeping.review(call, form, row, changes)
    if not changes:
        return as_json({})
    body = submission_json(call.store, submission_of(call, form))
    return as_json({key: value for key, value in body.items() if key not in ("userAgent", "currentVersion")})


@room.on("DELETE", ONE)
def delete(call: Call) -> Reply:
    form = _form(call)
    return _mark(call, form, submission_of(call, form), "submission.delete", call.store.now())


@room.on("POST", f"{ONE}/restore")
def restore(call: Call) -> Reply:
    form = _form(call)
    return _mark(call, form, submission_of(call, form, deleted=True), "submission.restore", None)


def _mark(call: Call, form: Row, row: Row, action: str, deleted: str | None) -> Reply:
    call.store.update("submission", row["id"], deletedAt=deleted, event=call.store.next("event"))
    version = call.store.value("select id from submission_def where submissionId = ? and current", row["id"])
    details = {"submissionId": row["id"], "instanceId": row["instanceId"], "submissionDefId": version}
    call.log(action, form["acteeId"], details)
    return success()


# reading
@room.on("GET", ALL, DRAFTS)
def listing(call: Call) -> Reply:
    """Newest first, with the entity tag of exactly these rows."""
    form = _form(call)
    limit, offset = paging(call)
    sql = (
        "select * from submission where formId = ? and draft = ? and deletedAt is"
        f" {'not ' if call.flag('deleted') else ''}null order by createdAt desc, id desc limit ? offset ?"
    )
    rows = call.store.all(sql, form["id"], _draft(call), limit, offset)
    body = [submission_json(call.store, row, extended=call.extended) for row in rows]
    return as_json(body, tag=event_tag([row["event"] for row in rows]))


@room.on("GET", f"{ALL}/submitters", f"{DRAFTS}/submitters")
def submitters(call: Call) -> Reply:
    form = _form(call)
    sql = (
        "select * from actor where id in (select submitterId from submission where formId = ? and deletedAt"
        " is null)"
        " order by displayName"
    )
    return as_json([actor_json(row) for row in call.store.all(sql, form["id"])])


@room.on("GET", f"{ONE}.xml", f"{DRAFTS}/{{instance}}.xml")
def xml(call: Call) -> Reply:
    """The XML of the current version, as it came in."""
    row = submission_of(call, _form(call), draft=_draft(call))
    sql = "select xml from submission_def where submissionId = ? and current"
    return as_xml(found(call.store.one(sql, row["id"]))["xml"].decode(errors="replace"))


@room.on("GET", f"{ONE}/versions")
def versions(call: Call) -> Reply:
    """Every version, newest first; extended ones name the form version they were answered under."""
    row = submission_of(call, _form(call))
    sql = (
        "select submission_def.*, form_def.version as formVersion from submission_def"
        " join form_def on form_def.id = formDefId where submissionId = ? order by submission_def.id desc"
    )
    out = []
    for version in call.store.all(sql, row["id"]):
        body = version_json(call.store, version, extended=call.extended)
        out.append(body | ({"formVersion": version["formVersion"]} if call.extended else {}))
    return as_json(out)


def _version(call: Call) -> Row:
    row = submission_of(call, _form(call))
    sql = "select * from submission_def where submissionId = ? and instanceId = ?"
    return found(call.store.one(sql, row["id"], call.at["edit"]))


@room.on("GET", f"{VERSION}.xml")
def version_xml(call: Call) -> Reply:
    return as_xml(_version(call)["xml"].decode(errors="replace"))


@room.on("GET", VERSION)
def version(call: Call) -> Reply:
    return as_json(version_json(call.store, _version(call), extended=call.extended))


@room.on("GET", f"{ONE}/diffs")
def diffs(call: Call) -> Reply:
    raise problems.not_supported("differences between versions of a submission")


@room.on("GET", f"{ALL}.csv", f"{ALL}.csv.zip", f"{ALL}.geojson")
def export(call: Call) -> Reply:
    raise problems.not_supported("exports of submissions")


@room.on("GET", f"{ONE}/audits")
def history(call: Call) -> Reply:
    row = submission_of(call, _form(call))
    return as_json(audits.of_submission(call.store, row["id"], extended=call.extended))


# files and comments
def _current(store: Store, submission: Row) -> int:
    number = store.value("select id from submission_def where submissionId = ? and current", submission["id"])
    return int(number)


@room.on("GET", f"{ONE}/attachments")
def attachments(call: Call) -> Reply:
    row = submission_of(call, _form(call))
    sql = "select name, blobId from submission_attachment where defId = ? order by name"
    rows = call.store.all(sql, _current(call.store, row))
    return as_json([{"name": item["name"], "exists": item["blobId"] is not None} for item in rows])


@room.on("GET", f"{ONE}/attachments/{{name}}")
def attachment(call: Call) -> Reply:
    row = submission_of(call, _form(call))
    sql = (
        "select blob.* from submission_attachment join blob on blob.id = blobId where defId = ? and name = ?"
    )
    blob = found(call.store.one(sql, _current(call.store, row), call.at["name"]))
    return as_file(
        call.at["name"], blob["content"], blob["contentType"], tag=f'"{blob["md5"]}"', inline=_shown(blob)
    )


def _shown(blob: Row) -> bool:
    return str(blob["contentType"]).startswith(("image/", "audio/", "video/"))


@room.on("POST", f"{ONE}/attachments/{{name}}")
def upload(call: Call) -> Reply:
    row = submission_of(call, _form(call))
    kind = call.headers.get("content-type") or "application/octet-stream"
    if not keeping.add_files(call.store, _current(call.store, row), {call.at["name"]: File(call.body, kind)}):
        raise problems.not_found()
    return success()


@room.on("POST", f"{ONE}/comments")
def comment(call: Call) -> Reply:
    row = submission_of(call, _form(call))
    body = call.json().get("body")
    if not body:
        raise problems.missing("body")
    made = {"body": body, "actorId": call.actor_id, "createdAt": call.store.now()}
    call.store.insert("comment", submissionId=row["id"], **made)
    return as_json(made)


@room.on("GET", f"{ONE}/comments")
def comments(call: Call) -> Reply:
    row = submission_of(call, _form(call))
    sql = "select body, actorId, createdAt from comment where submissionId = ? order by id desc"
    return as_json([dict(item) for item in call.store.all(sql, row["id"])])


@room.on("GET", ONE, f"{DRAFTS}/{{instance}}")
def get(call: Call) -> Reply:
    """A submission; asked for by the instanceID of an edit, the way to that version."""
    form, draft = _form(call), _draft(call)
    edit_of = (
        "select submission.instanceId from submission_def join submission on submission.id = submissionId"
        " where formId = ? and draft = ? and deletedAt is null and submission_def.instanceId = ? and not root"
    )
    first = call.store.value(edit_of, form["id"], draft, call.at["instance"])
    if first is not None and not draft:
        way = call.path.rsplit("/", 1)
        target = f"{way[0]}/{quote(first, safe='')}/versions/{call.at['instance']}"
        text = f"Moved Permanently. Redirecting to {target}".encode()
        return Reply(301, text, "text/plain; charset=utf-8", {"Location": target}, streamed=True)
    row = submission_of(call, form, draft=draft)
    return as_json(submission_json(call.store, row, extended=call.extended))
