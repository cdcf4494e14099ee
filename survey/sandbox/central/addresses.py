"""What an address names: the project, form, definition, entity list or submission in it, or Central's 404.1.

Looks rows up and checks who may read them; makes and changes nothing.
"""

from survey.sandbox.central import problems
from survey.sandbox.central.exchange import Call, integer
from survey.sandbox.central.sessions import may_use, require_user
from survey.sandbox.central.storage import Row


def found(row: Row | None) -> Row:
    """The row, or 404.1."""
    if row is None:
        raise problems.not_found()
    return row


def project_of(call: Call) -> Row:
    """The project an address names; 400.11 for a text, 404.1 for none."""
    number = integer(call.at["project"])
    return found(call.store.one("select * from project where id = ? and deletedAt is null", number))


def form_of(call: Call) -> Row:
    """The form an address names, published or not."""
    sql = "select * from form where projectId = ? and xmlFormId = ? and deletedAt is null"
    return found(call.store.one(sql, project_of(call)["id"], call.at["form"]))


def definition_of(call: Call, form: Row) -> Row:
    """The definition an address names: its draft, one version, or the published one (else the draft)."""
    wanted = "/draft" in call.path.rsplit("/forms/", 1)[-1]
    if "version" in call.at:
        version = "" if call.at["version"] == "___" else call.at["version"]
        sql = (
            "select * from form_def where formId = ? and version = ? and publishedAt is not null order by"
            " id desc"
        )
        return found(call.store.one(sql, form["id"], version))
    number = form["draftDefId"] if wanted else form["currentDefId"] or form["draftDefId"]
    return found(call.store.one("select * from form_def where id = ?", number))


def published_of(call: Call, form: Row) -> Row:
    """The published definition of a form; 404.1 while there is only a draft."""
    return found(call.store.one("select * from form_def where id = ?", form["currentDefId"]))


def readable_form(call: Call) -> tuple[Row, Row]:
    """The form and definition an address names, if the caller may read them."""
    form = form_of(call)
    definition = definition_of(call, form)
    if call.draft_key is not None:
        if definition["draftToken"] != call.draft_key:
            raise problems.not_found()
    elif not may_use(call, form["acteeId"]) or (
        call.actor is not None and call.actor["type"] != "user" and not _open(form, definition)
    ):
        raise problems.forbidden()
    return form, definition


def _open(form: Row, definition: Row) -> bool:
    """Whether tablets may still read a form: it is published and not closed."""
    return form["state"] != "closed" and definition["publishedAt"] is not None


def dataset_of(call: Call) -> Row:
    """The published entity list an address names, for the administrator."""
    sql = (
        "select * from dataset where projectId = ? and name = ? and deletedAt is null and publishedAt is"
        " not null"
    )
    row = found(call.store.one(sql, project_of(call)["id"], call.at["dataset"]))
    require_user(call)
    return row


def submission_of(call: Call, form: Row, *, draft: bool = False, deleted: bool = False) -> Row:
    """The submission an address names, by the instanceID of its first version."""
    sql = (
        "select * from submission where formId = ? and instanceId = ? and draft = ? and deletedAt is"
        f" {'not ' if deleted else ''}null"
    )
    return found(call.store.one(sql, form["id"], call.at["instance"], draft))
