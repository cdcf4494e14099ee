"""One call and its reply, free of any web framework.

`Call` is what a room gets: method, path, query, body, who asks. `Reply` is what it gives back. This room
also knows the manners every answer shares: entity tags, 304, the headers of OpenRosa and OData, and how a
`Problem` is worded for REST, OpenRosa and OData. Rooms list their routes with `Room`.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from survey.sandbox.central import problems
from survey.sandbox.central.problems import Problem
from survey.sandbox.central.storage import Row, Store

JSON = "application/json; charset=utf-8"
XML = "application/xml; charset=utf-8"
TEXT_XML = "text/xml; charset=utf-8"
CSV = "text/csv; charset=utf-8"

OPENROSA_HEADERS = {
    "Content-Language": "en",
    "X-OpenRosa-Version": "1.0",
    "X-OpenRosa-Accept-Content-Length": "100000000",
}


@dataclass(slots=True)
class Call:
    """A request as a room sees it. `path` is the address as sent, without the query."""

    method: str
    path: str
    query: dict[str, str]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    base: str
    store: Store
    accepts: Callable[[str, str], bool]
    at: dict[str, str] = field(default_factory=dict)
    key: str | None = None
    draft_key: str | None = None
    actor: Row | None = None
    session: Row | None = None

    @property
    def extended(self) -> bool:
        return is_true(self.headers.get("x-extended-metadata"))

    @property
    def actor_id(self) -> int | None:
        return None if self.actor is None else int(self.actor["id"])

    @property
    def user_agent(self) -> str | None:
        return self.headers.get("user-agent") or None

    def json(self) -> dict[str, Any]:
        """The JSON body as an object; without a body an empty one."""
        if not self.body or "json" not in self.headers.get("content-type", ""):
            return {}
        data = json.loads(self.body)
        return data if isinstance(data, dict) else {}

    def flag(self, name: str) -> bool:
        return is_true(self.query.get(name))

    def log(self, action: str, actee: str | None, details: dict[str, Any] | None = None) -> int:
        """Writes to the audit log in the name of whoever calls, with the note they sent along."""

        notes = self.headers.get("x-action-notes")
        return self.store.log(self.actor_id, action, actee, details, unquote(notes) if notes else None)


@dataclass(slots=True)
class Reply:
    """An answer: status, body, headers. `tag` is an entity tag; `streamed` replies carry none."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    tag: str | None = None
    streamed: bool = False


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """An address, who answers there, and the manners of the answer."""

    method: str
    path: str
    handler: Handler
    kind: str = "rest"
    anonymous: bool = False


class Room:
    """A list of routes, filled by decorators."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def on(
        self, method: str, *paths: str, kind: str = "rest", anonymous: bool = False
    ) -> Callable[[Handler], Handler]:
        """Registers a handler under one or more addresses; `anonymous` ones ask nobody who they are."""

        def register(handler: Handler) -> Handler:
            self.routes.extend(Route(method, path, handler, kind, anonymous) for path in paths)
            return handler

        return register


# replies
def is_true(text: str | None) -> bool:
    return (text or "").lower() == "true"


def as_json(data: Any, *, tag: str | None = None, content_type: str = JSON) -> Reply:
    """A JSON answer, written as compactly as Central does."""
    return Reply(
        200, json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), content_type, tag=tag
    )


def success() -> Reply:
    return as_json({"success": True})


def as_xml(text: str, status: int = 200, content_type: str = XML) -> Reply:
    return Reply(status, text.encode(), content_type)


def as_file(name: str, content: bytes, content_type: str, *, tag: str, inline: bool = False) -> Reply:
    """A download; text types are declared UTF-8 as Central does."""
    if content_type.startswith("text/") and "charset" not in content_type:
        content_type += "; charset=utf-8"
    kind = "inline" if inline else "attachment"
    plain = name.encode("ascii", "replace").decode().replace("?", "%3F").replace('"', "%22")
    headers = {
        "Content-Disposition": f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    }
    return Reply(200, content, content_type, headers, tag=tag)


def mustache(text: str) -> str:
    """Text escaped for XML as Central's templates do it."""
    return escape(text, {'"': "&quot;", "'": "&#39;", "/": "&#x2F;", "`": "&#x60;", "=": "&#x3D;"})


def openrosa_message(text: str, nature: str = "") -> str:
    """OpenRosa's response document, with Central's own line breaks."""
    safe = mustache(text)
    return (
        '\n  <OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">'
        f'\n    <message nature="{nature}">{safe}</message>\n  </OpenRosaResponse>'
    )


def refusal(problem: Problem, kind: str) -> Reply:
    """A problem in the wording of the address it happened at."""
    if kind == "openrosa":
        return as_xml(openrosa_message(problem.message, "error"), problem.status, TEXT_XML)
    if kind == "odata-xml":
        safe = mustache(problem.message)
        return as_xml(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<error code="{problem.code}">'
            f"\n  <message>{safe}</message>"
            "\n  <details>[object Object]</details>\n</error>",
            problem.status,
            TEXT_XML,
        )
    reply = as_json(problem.payload(), tag=problem.tag)
    reply.status = problem.status
    return reply


def finish(call: Call, reply: Reply, kind: str) -> Reply:
    """Adds what every answer carries: entity tag, 304 for a known one, caching rules."""
    reading = call.method in ("GET", "HEAD")
    tag = reply.tag
    if tag is None and not reply.streamed:
        tag = f'W/"{len(reply.body):x}-{base64.b64encode(hashlib.sha1(reply.body).digest()).decode()[:27]}"'
    if tag:
        reply.headers["ETag"] = tag
    if kind == "session" or not reading:
        reply.headers.update({"Cache-Control": "no-store", "Vary": "*"})
    elif kind != "open":
        reply.headers.update({"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Origin"})
    if reading and tag and reply.status == 200 and known_tag(tag, call.headers.get("if-none-match")):
        kept = {k: v for k, v in reply.headers.items() if k != "Content-Disposition"}
        return Reply(304, b"", None, kept)
    return reply


def known_tag(tag: str, asked: str | None) -> bool:
    """Weak comparison of an entity tag with If-None-Match."""
    bare = tag.removeprefix("W/")
    return any(part.strip().removeprefix("W/") in (bare, "*") for part in (asked or "").split(","))


# checks shared by the rooms
def integer(text: str, *, kind: str = "type integer") -> int:
    """A number from an address or query, or Central's 400.11."""
    try:
        return int(text)
    except ValueError:
        raise problems.bad_type(kind, value=text) from None


def paging(call: Call) -> tuple[int, int]:
    """limit and offset of a plain list; -1 is no limit."""
    found = []
    for name, default in (("limit", -1), ("offset", 0)):
        text = call.query.get(name)
        try:
            found.append(default if text is None else int(text))
        except ValueError:
            raise problems.bad_type("integer", field=name) from None
    return found[0], found[1]


def actor_json(row: Row | None, prefix: str = "") -> dict[str, Any] | None:
    """The actor of a row whose columns may be prefixed by a join."""
    if row is None or row[f"{prefix}id"] is None:
        return None
    names = ("id", "type", "displayName", "createdAt", "updatedAt", "deletedAt")
    return {name: row[f"{prefix}{name}"] for name in names}
