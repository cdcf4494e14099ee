"""Projects: making, listing, changing and deleting them."""

from typing import Any

from survey.sandbox.central import problems
from survey.sandbox.central.addresses import project_of
from survey.sandbox.central.definitions import forms_of
from survey.sandbox.central.exchange import Call, Reply, Room, as_json, success
from survey.sandbox.central.sessions import ADMIN_VERBS, require_user
from survey.sandbox.central.storage import Row

room = Room()


def project_json(row: Row) -> dict[str, Any]:
    archived = None if row["archived"] is None else bool(row["archived"])
    names = ("id", "name", "description", "createdAt", "updatedAt", "deletedAt")
    return {name: row[name] for name in names} | {"archived": archived, "keyId": None}


def _numbers(call: Call, project: int) -> dict[str, Any]:
    count = call.store.value
    live = "projectId = ? and deletedAt is null"
    forms = f"select id from form where {live}"
    lists = f"select id from dataset where {live} and publishedAt is not null"
    return {
        "forms": count(f"select count(*) from form where {live}", project),
        "appUsers": count(f"select count(*) from actor where type = 'field_key' and {live}", project),
        "datasets": count(f"select count(*) from ({lists})", project),
        "lastSubmission": count(
            f"select max(createdAt) from submission where not draft and formId in ({forms})", project
        ),
        "lastEntity": count(f"select max(createdAt) from entity where datasetId in ({lists})", project),
    }


@room.on("POST", "/projects")
def create(call: Call) -> Reply:
    require_user(call)
    body = call.json()
    if not body.get("name"):
        raise problems.missing("name")
    actee, now = call.store.uuid(), call.store.now()
    number = call.store.insert(
        "project", name=body["name"], description=body.get("description"), acteeId=actee, createdAt=now
    )
    call.log("project.create", actee, {"data": {"name": body["name"]}})
    row = call.store.one("select * from project where id = ?", number)
    return as_json({**project_json(row), "acteeId": actee} if row else {})


@room.on("GET", "/projects")
def listing(call: Call) -> Reply:
    require_user(call)
    rows = call.store.all("select * from project where deletedAt is null order by name, id")
    out = []
    for row in rows:
        body = project_json(row) | {"verbs": list(ADMIN_VERBS)}
        if call.flag("forms"):
            numbers = _numbers(call, row["id"])
            forms = forms_of(call, row["id"], extended=True)
            body |= {
                "formList": forms,
                "forms": numbers["forms"],
                "lastSubmission": numbers["lastSubmission"],
            }
        elif call.extended:
            body |= _numbers(call, row["id"])
        out.append(body)
    return as_json(out)


@room.on("GET", "/projects/{project}")
def get(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    body = project_json(project)
    if call.extended:
        body |= {"verbs": list(ADMIN_VERBS), **_numbers(call, project["id"])}
    return as_json(body)


@room.on("PATCH", "/projects/{project}")
def change(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    changes = {k: v for k, v in call.json().items() if k in ("name", "description", "archived")}
    call.store.update("project", project["id"], updatedAt=call.store.now(), **changes)
    call.log("project.update", project["acteeId"], {"data": changes})
    return as_json(project_json(project_of(call)))


@room.on("DELETE", "/projects/{project}")
def delete(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    call.store.update("project", project["id"], deletedAt=call.store.now())
    call.log("project.delete", project["acteeId"])
    return success()
