"""Who asks: logging in and out, tokens, and what a caller may do.

The stand-in knows two kinds of callers, the administrator (who may do everything) and app users (who may
read open forms given to them and submit to those). Sessions last 24 hours of the given clock, app-user
tokens until they are revoked. Passwords are compared with the one the stand-in was given and are stored
nowhere.
"""

import base64
import hmac
import re
from datetime import timedelta
from typing import Any

from survey.sandbox.central import problems
from survey.sandbox.central.exchange import Call, Reply, Room, actor_json, as_json, success
from survey.sandbox.central.storage import Row, Store, iso

room = Room()

SESSION_HOURS = 24
FOREVER = "9999-12-31T23:59:59.000Z"
TOKEN = re.compile(r"^[A-Za-z0-9!$]{64}$")
APP_USER, FORM_VIEWER = 2, 7

_SEE = (
    "actor_property.list dataset.list dataset.read entity.list entity.read form.list form.read project.read"
)
_VIEW = f"{_SEE} submission.list submission.read"
_MANAGE = (
    f"{_VIEW} actor_property.update assignment.create assignment.delete assignment.list dataset.create"
    " dataset.delete"
    " dataset.update entity.create entity.delete entity.restore entity.update field_key.create"
    " field_key.delete"
    " field_key.list field_key.update form.create form.delete form.restore form.update project.delete"
    " project.update"
    " public_link.create public_link.delete public_link.list public_link.read public_link.update session.end"
    " submission.create submission.delete submission.restore submission.update"
)
_ADMINISTER = (
    f"{_MANAGE} analytics.read audit.read backup.run config.read config.set project.create role.create"
    " role.delete"
    " role.update user.create user.delete user.list user.password.invalidate user.read user.update"
)
ADMIN_VERBS = tuple(sorted(_ADMINISTER.split()))
ROLES = (
    (3, "Password Reset Token", "pwreset", True, "user.password.reset"),
    (APP_USER, "App User", "app-user", True, "open_form.read submission.create"),
    (FORM_VIEWER, "Form Viewer (system internal)", "formview", False, "open_form.read"),
    (8, "Data Collector", "formfill", False, "open_form.list open_form.read project.read submission.create"),
    (9, "Public Link", "pub-link", True, "open_form.read submission.create"),
    (6, "Project Viewer", "viewer", False, _VIEW),
    (5, "Project Manager", "manager", False, _MANAGE),
    (1, "Administrator", "admin", True, _ADMINISTER),
)


class Guard:
    """The one account the stand-in was given."""

    def __init__(self, store: Store, email: str, password: str) -> None:
        self.email, self._password = email, password
        with store.lock, store.transaction():
            known = store.one("select * from actor where type = 'user'")
            if known is None:
                store.insert(
                    "actor",
                    type="user",
                    displayName=email,
                    email=email,
                    acteeId=store.uuid(),
                    createdAt=store.now(),
                )
            elif known["email"] != email:
                store.update("actor", known["id"], displayName=email, email=email)

    def accepts(self, email: str, password: str) -> bool:
        right = hmac.compare_digest(password.encode(), self._password.encode())
        return right and email.lower() == self.email.lower()

    def identify(self, call: Call) -> None:
        """Finds who calls and puts them on the call, or refuses as Central does."""
        header = call.headers.get("authorization", "")
        if call.key is not None:
            if not TOKEN.match(call.key):
                raise problems.not_authenticated()
            if not _resume(call, call.key) or call.actor is None or call.actor["type"] != "field_key":
                raise problems.forbidden()
        elif header.startswith("Bearer "):
            if not _resume(call, header[7:]):
                raise problems.not_authenticated()
        elif header.startswith("Basic "):
            self._basic(call, header[6:])
        else:
            raise problems.not_authenticated()

    def _basic(self, call: Call, encoded: str) -> None:
        if call.headers.get("x-forwarded-proto") != "https":
            raise problems.https_only()
        try:
            email, _, password = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            raise problems.not_authenticated() from None
        if not self.accepts(email, password):
            raise problems.not_authenticated()
        call.actor = call.store.one("select * from actor where type = 'user'")


def _resume(call: Call, token: str) -> bool:
    session = call.store.one("select * from session where token = ?", token)
    if session is None or session["expiresAt"] < call.store.now():
        return False
    call.session = session
    call.actor = call.store.one("select * from actor where id = ? and deletedAt is null", session["actorId"])
    return call.actor is not None


def require_user(call: Call) -> None:
    """Everything but open forms is for the administrator."""
    if call.actor is None or call.actor["type"] != "user":
        raise problems.forbidden()


def may_use(call: Call, actee: str) -> bool:
    """Whether the caller is the administrator, or an app user given this form."""
    if call.actor is None:
        return False
    if call.actor["type"] == "user":
        return True
    sql = "select 1 from assignment where actorId = ? and acteeId = ? and roleId = ?"
    return call.store.one(sql, call.actor_id, actee, APP_USER) is not None


def open_session(store: Store, actor: int, *, forever: bool = False) -> dict[str, str]:
    """Makes a session for an actor: token, csrf, createdAt, expiresAt."""
    made = {"token": store.token(), "csrf": store.token(), "createdAt": store.now()}
    made["expiresAt"] = FOREVER if forever else iso(store.moment() + timedelta(hours=SESSION_HOURS))
    store.insert("session", actorId=actor, **made)
    return made


@room.on("POST", "/sessions", kind="session", anonymous=True)
def login(call: Call) -> Reply:
    """Opens a session for the right email and password."""
    body = call.json()
    if body.get("email") is None or body.get("password") is None:
        raise problems.missing_all(("email", "password"), body)
    if not call.accepts(str(body["email"]), str(body["password"])):
        raise problems.not_authenticated()
    actor = call.store.value("select id from actor where type = 'user'")
    call.store.update("actor", actor, lastLoginAt=call.store.now())
    made = open_session(call.store, actor)
    call.store.log(actor, "user.session.create", None, {"userAgent": call.user_agent})
    return as_json(made)


@room.on("GET", "/sessions/restore", kind="session")
def restore(call: Call) -> Reply:
    if call.session is None:
        raise problems.not_found()
    return as_json({name: call.session[name] for name in ("createdAt", "expiresAt")})


@room.on("DELETE", "/sessions/{token}")
def logout(call: Call) -> Reply:
    """Ends the caller's own session (`current`) or the one of an app user."""
    token = call.at["token"]
    if token == "current":
        if call.session is None:
            raise problems.not_found()
        token = call.session["token"]
    elif call.session is None or token != call.session["token"]:
        require_user(call)
    owner = call.store.one(
        "select actor.* from session join actor on actor.id = actorId where token = ?", token
    )
    if owner is None:
        raise problems.not_found()
    call.store.run("delete from session where token = ?", token)
    if owner["type"] == "field_key":
        call.log("field_key.session.end", owner["acteeId"])
    return success()


@room.on("GET", "/users/current")
def current(call: Call) -> Reply:
    require_user(call)
    actor = _known(call.actor)
    body: dict[str, Any] = {
        "email": actor["email"],
        "lastLoginAt": actor["lastLoginAt"],
        **(actor_json(actor) or {}),
    }
    if call.extended:
        body |= {"verbs": list(ADMIN_VERBS), "preferences": {"site": {}, "projects": {}}}
    return as_json(body)


@room.on("GET", "/roles")
def roles(call: Call) -> Reply:
    made = call.store.value("select createdAt from actor order by id limit 1")
    return as_json(
        [
            {
                "id": number,
                "name": name,
                "system": system,
                "createdAt": made if dated else None,
                "updatedAt": None,
                "verbs": sorted(verbs.split()),
            }
            for number, name, system, dated, verbs in ROLES
        ]
    )


def _known(actor: Row | None) -> Row:
    if actor is None:
        raise problems.not_authenticated()
    return actor
