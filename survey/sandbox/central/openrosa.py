"""What tablets speak: form list, manifest, and submissions as multipart posts.

An app user sees the open forms it was given. A post repeated byte for byte is accepted again and may bring
more files; anything else under the same instanceID is refused.
"""

from urllib.parse import quote, unquote

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from survey.sandbox.central import media, problems
from survey.sandbox.central import submission_store as keeping
from survey.sandbox.central.addresses import definition_of, form_of, project_of, readable_form
from survey.sandbox.central.exchange import TEXT_XML, Call, Reply, Room, as_xml, mustache, openrosa_message
from survey.sandbox.central.problems import Problem
from survey.sandbox.central.sessions import APP_USER
from survey.sandbox.central.storage import Row
from survey.sandbox.central.submission_store import File, Incoming

room = Room()

XML_PART = "xml_submission_file"
THANKS = "full submission upload was successful!"
FORM = "/projects/{project}/forms/{form}"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


# lists
@room.on("GET", "/projects/{project}/formList", kind="openrosa")
def form_list(call: Call) -> Reply:
    """Open published forms the caller may use, by title."""
    project = project_of(call)
    mine, values = "", [project["id"]]
    if call.actor is not None and call.actor["type"] != "user":
        mine = "and form.acteeId in (select acteeId from assignment where actorId = ? and roleId = ?)"
        values += [call.actor_id, APP_USER]
    wanted = call.query.get("formID")
    if wanted is not None:
        mine += " and xmlFormId = ?"
        values.append(wanted)
    sql = (
        "select xmlFormId, form_def.* from form join form_def on form_def.id = currentDefId where projectId"
        " = ?"
        f" and deletedAt is null and state = 'open' {mine} order by coalesce(name, xmlFormId), form.id"
    )
    rows = call.store.all(sql, *values)
    base = call.base + call.path.rsplit("/", 1)[0]
    return _list([_listed(call, row, f"{base}/forms/{quote(row['xmlFormId'], safe='')}") for row in rows])


@room.on("GET", f"{FORM}/draft/formList", kind="openrosa")
def draft_list(call: Call) -> Reply:
    """The form list of a draft under test, holding that draft alone."""
    form, draft = readable_form(call)
    row = call.store.one(
        "select ? as xmlFormId, form_def.* from form_def where id = ?", form["xmlFormId"], draft["id"]
    )
    assert row is not None
    return _list([_listed(call, row, call.base + call.path.rsplit("/", 1)[0])])


def _list(entries: list[str]) -> Reply:
    body = "".join(entries)
    text = f'{HEAD}  <xforms xmlns="http://openrosa.org/xforms/xformsList">\n{body}  </xforms>'
    return as_xml(text, content_type=TEXT_XML)


def _listed(call: Call, row: Row, address: str) -> str:
    manifest = ""
    if call.store.one("select 1 from form_attachment where formDefId = ?", row["id"]):
        manifest = f"      <manifestUrl>{address}/manifest</manifestUrl>\n"
    return (
        "    <xform>\n"
        f"      <formID>{mustache(row['xmlFormId'])}</formID>\n"
        f"      <name>{mustache(row['name'] or row['xmlFormId'])}</name>\n"
        f"      <version>{mustache(row['version'])}</version>\n"
        f"      <hash>md5:{row['hash']}</hash>\n"
        f"      <downloadUrl>{address}.xml</downloadUrl>\n"
        f"{manifest}    </xform>\n"
    )


@room.on("GET", f"{FORM}/manifest", f"{FORM}/draft/manifest", kind="openrosa")
def manifest(call: Call) -> Reply:
    """The media files of a form; entity lists are marked and can be asked for deletions."""
    _, definition = readable_form(call)
    base = call.base + call.path.rsplit("/", 1)[0]
    lists = call.base + call.path.split("/forms/", 1)[0]
    entries = "".join(
        _medium(call, row, base, lists)
        for row in media.slots(call.store, definition["id"])
        if row["blobId"] is not None or row["datasetId"] is not None
    )
    text = f'{HEAD}  <manifest xmlns="http://openrosa.org/xforms/xformsManifest">\n{entries}  </manifest>'
    return as_xml(text, content_type=TEXT_XML)


def _medium(call: Call, row: Row, base: str, lists: str) -> str:
    linked = row["datasetId"] is not None
    name = row["name"]
    integrity = ""
    if linked:
        where = f"{lists}/datasets/{quote(name.removesuffix('.csv'), safe='')}/integrity"
        integrity = f"      <integrityUrl>{where}</integrityUrl>\n"
    kind = ' type="entityList"' if linked else ""
    return (
        f"    <mediaFile{kind}>\n"
        f"      <filename>{mustache(name)}</filename>\n"
        f"      <hash>md5:{media.openrosa_hash(call.store, row, call.actor)}</hash>\n"
        f"      <downloadUrl>{base}/attachments/{quote(name, safe='')}</downloadUrl>\n"
        f"{integrity}    </mediaFile>\n"
    )


# submissions
@room.on("GET", "/projects/{project}/submission", f"{FORM}/draft/submission", kind="openrosa")
def ready(call: Call) -> Reply:
    """The 204 by which a tablet learns that it may post here."""
    project_of(call)
    return Reply(204)


@room.on("POST", "/projects/{project}/submission", kind="openrosa")
def submit(call: Call) -> Reply:
    """Keeps a new submission, an edit of one, or files for one already here."""
    files = multipart_files(call)
    new = keeping.incoming(files.pop(XML_PART).content)
    try:
        form, definition = keeping.accepting_form(call, project_of(call)["id"], new.form_id, new.version)
    except Problem as problem:
        raise problems.not_authenticated() if problem.code == 403.1 else problem from None
    return _accept(call, form, definition, new, files, draft=False)


@room.on("POST", f"{FORM}/draft/submission", kind="openrosa")
def submit_test(call: Call) -> Reply:
    """The same for the draft under test."""
    files = multipart_files(call)
    new = keeping.incoming(files.pop(XML_PART).content)
    if new.form_id != call.at["form"]:
        raise problems.unexpected("form id", new.form_id, keeping.NOT_HERE)
    form = form_of(call)
    readable_form(call)
    return _accept(call, form, definition_of(call, form), new, files, draft=True)


def _accept(
    call: Call, form: Row, definition: Row, new: Incoming, files: dict[str, File], *, draft: bool
) -> Reply:
    store = call.store
    if new.deprecated is not None:
        old = keeping.version_named(store, form["id"], new.deprecated, draft=draft)
        if old is None:
            raise problems.deprecated_not_found(new.deprecated)
        if old["current"]:
            keeping.edit(call, form, definition, old, new, files, draft=draft)
        else:
            _same_again(call, form, new, files, new.deprecated, draft=draft)
    elif new.instance is not None and keeping.version_named(store, form["id"], new.instance, draft=draft):
        _same_again(call, form, new, files, None, draft=draft)
    else:
        try:
            keeping.create(call, form, definition, new, files, draft=draft)
        except Problem as problem:
            raise problems.deleted_submission() if problem.code == 409.3 else problem from None
    return as_xml(openrosa_message(THANKS), 201, TEXT_XML)


def _same_again(
    call: Call, form: Row, new: Incoming, files: dict[str, File], deprecated: str | None, *, draft: bool
) -> None:
    """A repeat: accepted only byte for byte and only while its version is the current one."""
    extant = keeping.version_named(call.store, form["id"], new.instance or "", draft=draft)
    if extant is None or not extant["current"]:
        raise problems.out_of_date(deprecated)
    if extant["xml"] != new.xml:
        raise problems.other_xml()
    keeping.add_files(call.store, extant["id"], files)


def multipart_files(call: Call) -> dict[str, File]:
    """The parts of a multipart post by field name; 400.7 where the XML part is missing."""
    kind, options = parse_options_header(call.headers.get("content-type", "").encode())
    boundary = options.get(b"boundary")
    parts: dict[str, File] = {}
    if kind == b"multipart/form-data":
        if not boundary:
            raise problems.bad_multipart("Multipart: Boundary not found")
        parts = _parts(call.body, boundary)
    if XML_PART not in parts:
        raise problems.missing_part(XML_PART)
    return parts


def _parts(body: bytes, boundary: bytes) -> dict[str, File]:
    parts: dict[str, File] = {}
    headers: dict[bytes, bytes] = {}
    content, name, value = bytearray(), bytearray(), bytearray()
    done = False

    def start() -> None:
        headers.clear()
        content.clear()

    def header() -> None:
        headers[bytes(name).lower()] = bytes(value)
        name.clear()
        value.clear()

    def end() -> None:
        _, options = parse_options_header(headers.get(b"content-disposition", b""))
        field = unquote(options.get(b"name", b"").decode(errors="replace"))
        kind = headers.get(b"content-type", b"application/octet-stream").decode()
        parts.setdefault(field, File(bytes(content), kind))

    def finish() -> None:
        nonlocal done
        done = True

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": start,
            "on_part_data": lambda data, a, b: content.extend(data[a:b]),
            "on_part_end": end,
            "on_header_field": lambda data, a, b: name.extend(data[a:b]),
            "on_header_value": lambda data, a, b: value.extend(data[a:b]),
            "on_header_end": header,
            "on_end": finish,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError:
        done = False
    if not done:
        raise problems.bad_multipart("Unexpected end of form")
    return parts
