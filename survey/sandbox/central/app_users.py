"""App users (one per tablet or enumerator) and which forms they are given.

What they carry besides is in `access`. An app user has a token for as long as it is not revoked; deleting
the app user revokes it too.
"""

from typing import Any

from survey.sandbox.central import access, problems
from survey.sandbox.central.addresses import form_of, found, project_of
from survey.sandbox.central.exchange import Call, Reply, Room, actor_json, as_json, success
from survey.sandbox.central.sessions import ROLES, open_session, require_user
from survey.sandbox.central.storage import Row

room = Room()

ONE = "/projects/{project}/app-users/{actor}"
LISTED = (
    "select actor.*, session.token from actor left join session on actorId = actor.id where type ="
    " 'field_key'"
    " and projectId = ? and deletedAt is null"
)


@room.on("POST", "/projects/{project}/app-users")
def create(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    name = call.json().get("displayName")
    if not name:
        raise problems.missing("displayName")
    store, actee = call.store, call.store.uuid()
    number = store.insert(
        "actor",
        type="field_key",
        displayName=name,
        acteeId=actee,
        projectId=project["id"],
        createdBy=call.actor_id,
        createdAt=store.now(),
    )
    made = open_session(store, number, forever=True)
    call.log("field_key.create", actee)
    row = store.one("select * from actor where id = ?", number)
    if row is not None and call.json().get("properties") is not None:
        access.give_values(call, project["id"], row, call.json()["properties"])
    given = {name: made[name] for name in ("token", "csrf", "expiresAt")}
    return as_json({"projectId": project["id"], **(actor_json(row) or {}), **given})


@room.on("GET", "/projects/{project}/app-users")
def listing(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    rows = call.store.all(
        f"{LISTED} order by session.token is null, createdAt desc, actor.id desc", project["id"]
    )
    return as_json([_listed(call, row, extended=call.extended) for row in rows])


@room.on("GET", ONE)
def get(call: Call) -> Reply:
    return as_json(_listed(call, _user(call), extended=call.extended))


@room.on("PATCH", ONE)
def change(call: Call) -> Reply:
    """Sets or takes away what an app user carries; nothing else of one can be changed."""
    row, given = _user(call), call.json().get("properties")
    if given is not None:
        access.give_values(call, row["projectId"], row, given)
    return as_json(_listed(call, row, extended=True))


def _user(call: Call) -> Row:
    project = project_of(call)
    require_user(call)
    return found(call.store.one(f"{LISTED} and actor.id = ?", project["id"], call.at["actor"]))


def _listed(call: Call, row: Row, *, extended: bool) -> dict[str, Any]:
    body = {"projectId": row["projectId"], **(actor_json(row) or {}), "token": row["token"]}
    if extended:
        maker = call.store.one("select * from actor where id = ?", row["createdBy"])
        used = call.store.value(
            "select max(loggedAt) from audit where actorId = ? and action = 'submission.create'", row["id"]
        )
        body |= {"createdBy": actor_json(maker), "lastUsed": used}
        body["properties"] = access.values_of(call.store, row["id"])
    return body


@room.on("DELETE", ONE)
def delete(call: Call) -> Reply:
    row = _user(call)
    call.store.update("actor", row["id"], deletedAt=call.store.now())
    call.store.run("delete from session where actorId = ?", row["id"])
    call.store.run("delete from assignment where actorId = ?", row["id"])
    call.log("field_key.delete", row["acteeId"])
    return success()


# assignments
def _role(call: Call) -> int:
    asked = call.at["role"]
    for number, _, system, _, _ in ROLES:
        if asked in (str(number), system):
            return number
    raise problems.not_found()


def _actor(call: Call) -> Row:
    found = call.store.one("select * from actor where id = ? and deletedAt is null", call.at["actor"])
    if found is None:
        raise problems.not_found()
    return found


@room.on("POST", "/projects/{project}/forms/{form}/assignments/{role}/{actor}")
def assign(call: Call) -> Reply:
    form = form_of(call)
    require_user(call)
    role, actor = _role(call), _actor(call)
    values = (actor["id"], role, form["acteeId"])
    if call.store.one("select 1 from assignment where actorId = ? and roleId = ? and acteeId = ?", *values):
        raise problems.duplicate(("actorId", "roleId", "acteeId"), values, "assignments")
    call.store.insert("assignment", actorId=actor["id"], roleId=role, acteeId=form["acteeId"])
    details = {"roleId": role, "grantedActeeId": form["acteeId"]}
    call.log(f"{actor['type']}.assignment.create", actor["acteeId"], details)
    return success()


@room.on("DELETE", "/projects/{project}/forms/{form}/assignments/{role}/{actor}")
def unassign(call: Call) -> Reply:
    form = form_of(call)
    require_user(call)
    role, actor = _role(call), _actor(call)
    sql = "delete from assignment where actorId = ? and roleId = ? and acteeId = ?"
    if not call.store.run(sql, actor["id"], role, form["acteeId"]):
        raise problems.not_found()
    details = {"roleId": role, "revokedActeeId": form["acteeId"]}
    call.log(f"{actor['type']}.assignment.delete", actor["acteeId"], details)
    return success()


@room.on("GET", "/projects/{project}/forms/{form}/assignments")
def of_form(call: Call) -> Reply:
    form = form_of(call)
    require_user(call)
    sql = "select actorId, roleId from assignment where acteeId = ? order by id"
    return as_json([dict(row) for row in call.store.all(sql, form["acteeId"])])


@room.on("GET", "/projects/{project}/forms/{form}/assignments/{role}")
def of_role(call: Call) -> Reply:
    form = form_of(call)
    require_user(call)
    sql = (
        "select actor.* from actor join assignment on actorId = actor.id where assignment.acteeId = ? and"
        " roleId = ?"
    )
    return as_json(
        [actor_json(row) for row in call.store.all(f"{sql} order by actor.id", form["acteeId"], _role(call))]
    )


@room.on("GET", "/projects/{project}/assignments/forms", "/projects/{project}/assignments/forms/{role}")
def of_project(call: Call) -> Reply:
    project = project_of(call)
    require_user(call)
    role = f"and roleId = {_role(call)}" if "role" in call.at else ""
    sql = (
        "select actorId, roleId, xmlFormId from assignment join form on form.acteeId = assignment.acteeId"
        f" where projectId = ? and deletedAt is null {role} order by assignment.id"
    )
    return as_json([dict(row) for row in call.store.all(sql, project["id"])])
