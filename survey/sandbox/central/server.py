"""The stand-in as a server: its application, its door, and a real loopback socket.

The door takes off what Central's addresses carry in front (`/v1`, an app user's `/key/TOKEN`, a draft's
`/test/TOKEN`), finds out who calls, and sends the call to the room that answers at that address. One lock
makes calls follow each other, so the same calls always leave the same data.
"""

import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path_

from survey.sandbox.central import (
    access,
    app_users,
    audits,
    entities,
    entity_lists,
    entity_tables,
    forms,
    odata,
    odata_tables,
    openrosa,
    problems,
    projects,
    sessions,
    submissions,
)
from survey.sandbox.central.exchange import OPENROSA_HEADERS, Call, Reply, Route, finish, refusal
from survey.sandbox.central.faults import Faults
from survey.sandbox.central.problems import Problem
from survey.sandbox.central.sessions import Guard
from survey.sandbox.central.storage import Store

log = logging.getLogger(__name__)

ROOMS = (
    sessions,
    projects,
    access,
    app_users,
    openrosa,
    submissions,
    odata_tables,
    forms,
    entity_tables,
    entities,
    entity_lists,
    audits,
)
LARGEST_JSON = 250 * 1024
LARGEST_BODY = 100 * 1024 * 1024
PREFIX = re.compile(r"^/v1(?:/(key|test)/([^/]+))?(/.*)$")
STARTING_SECONDS = 20


class StandIn:
    """A Central in one SQLite file, with the clock, the account and the seed it is given."""

    def __init__(
        self,
        path: Path | str,
        *,
        email: str,
        password: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seed: int | str = 0,
    ) -> None:
        self.store = Store(Path(path), clock, seed)
        self.faults = Faults()
        self.guard = Guard(self.store, email, password)
        self.app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        self.app.add_middleware(_Door, standin=self)
        for route in _routes():
            self.app.router.routes.append(Path_(route.path, self._endpoint(route), methods=[route.method]))
        self.app.router.routes.append(
            Path_(
                "/{anything:path}",
                self._endpoint(Route("", "", _nowhere, anonymous=True)),
                methods=list(_METHODS),
            )
        )

    def close(self) -> None:
        """Closes the file; everything in it stays."""
        self.store.close()

    def _endpoint(self, route: Route) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            call: Call = request.scope["standin.call"]
            call.at = dict(request.path_params)
            return _response(self.answer(call, route))

        return endpoint

    def answer(self, call: Call, route: Route) -> Reply:
        """Answers a call at a route: who asks, what it says, and how it is worded."""
        headers: dict[str, str] = {}
        try:
            with self.store.lock:
                reply = self._within(call, route, headers)
        except Problem as problem:
            reply = refusal(problem, route.kind)
        except Exception:
            log.exception("standin.failed method=%s path=%s", call.method, route.path)
            reply = refusal(problems.broken(), "rest")
        reply.headers.update(headers)
        return finish(call, reply, route.kind)

    def _within(self, call: Call, route: Route, headers: dict[str, str]) -> Reply:
        if call.method in ("GET", "HEAD"):
            return self._do(call, route, headers)
        with self.store.transaction():
            return self._do(call, route, headers)

    def _do(self, call: Call, route: Route, headers: dict[str, str]) -> Reply:
        if route.anonymous:
            return route.handler(call)
        if call.draft_key is None:
            self.guard.identify(call)
        elif "/draft" not in route.path or not route.path.startswith("/projects"):
            raise problems.not_found()
        if route.kind == "openrosa":
            if call.headers.get("x-openrosa-version") != "1.0":
                raise problems.bad_header("X-OpenRosa-Version")
            headers.update(OPENROSA_HEADERS)
        if route.kind.startswith("odata"):
            odata.check(call, odata.XML_FORMATS if route.kind == "odata-xml" else odata.JSON_FORMATS)
            headers["OData-Version"] = "4.0"
        return route.handler(call)


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _nowhere(call: Call) -> Reply:
    raise problems.not_found()


def _routes() -> list[Route]:
    """All addresses; those with a suffix (.xml, .svc) before those a form id with a dot could fit."""
    every = [route for room in ROOMS for route in room.room.routes]
    return sorted(every, key=lambda route: _fixed(route.path))


def _fixed(path: str) -> tuple[int, ...]:
    """Orders addresses so that the more fixed one is asked first, part by part."""
    return tuple(_looseness(part) for part in path.split("/"))


def _looseness(part: str) -> int:
    if "{" not in part:
        return 0
    return 2 if re.fullmatch(r"\{[\w:]+\}", part) else 1


def _response(reply: Reply) -> Response:
    response = Response(reply.body, reply.status)
    if reply.content_type:
        response.headers["Content-Type"] = reply.content_type
    response.headers.update(reply.headers)
    return response


class _Door:
    """Turns a request into a `Call`, or answers what Central answers before it looks at the address."""

    def __init__(self, app: Any, standin: StandIn) -> None:
        self.app, self.standin = app, standin

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        call = self._call(scope)
        refused = self._enter(scope, call)
        limit = LARGEST_JSON if _small(call) else LARGEST_BODY
        call.body, fits = await _body(receive, limit)
        if refused is None and not fits and "json" in call.headers.get("content-type", ""):
            refused = problems.too_large()
        if refused is None:
            refused = _bad_json(call)
        fault = self.standin.faults.due(call.method, call.path, bearer="authorization" in call.headers)
        if fault is not None and fault[0] != "drop":
            refused = self._fail(call, *fault)
        if refused is not None:
            reply = finish(call, refusal(refused, "rest"), "open")
            await _response(reply)(scope, receive, send)
            return
        scope["standin.call"] = call
        scope["standin.lost"] = fault is not None
        await self.app(scope, receive, _nothing if fault is not None else send)

    def _call(self, scope: Any) -> Call:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        raw = scope.get("raw_path") or scope["path"].encode()
        text = scope["query_string"].decode("latin-1")
        host = headers.get("host", "127.0.0.1")
        query = dict(parse_qsl(text, keep_blank_values=True))
        path = raw.decode("latin-1").split("?")[0]
        return Call(
            scope["method"],
            path,
            query,
            text,
            headers,
            b"",
            f"{scope['scheme']}://{host}",
            self.standin.store,
            self.standin.guard.accepts,
        )

    def _enter(self, scope: Any, call: Call) -> Problem | None:
        """Takes the version and a key off the address."""
        match = PREFIX.match(scope["path"])
        if match is None:
            other = re.match(r"^/v(\d+)/", scope["path"])
            return problems.wrong_api_version(other[1]) if other else problems.no_api_version()
        if match[1] == "key":
            call.key = match[2]
        elif match[1] == "test":
            call.draft_key = match[2]
        scope["path"] = match[3]
        return None

    def _fail(self, call: Call, kind: str, status: int) -> Problem:
        if kind == "expire":
            token = call.headers["authorization"].removeprefix("Bearer ")
            with self.standin.store.lock:
                self.standin.store.run("delete from session where token = ?", token)
            return problems.not_authenticated()
        return Problem(float(status), "Refused on order.")


def _small(call: Call) -> bool:
    """JSON bodies are small, but for creating entities."""
    return "json" in call.headers.get("content-type", "") and not (
        call.method == "POST" and call.path.endswith("/entities")
    )


async def _nothing(message: Any) -> None:
    """Where a lost reply goes."""


async def _body(receive: Any, limit: int) -> tuple[bytes, bool]:
    """The body, and whether it kept within the limit; the rest of a larger one is read and forgotten."""
    parts, size = [], 0
    while True:
        message = await receive()
        piece = message.get("body", b"")
        size += len(piece)
        if size <= limit:
            parts.append(piece)
        if not message.get("more_body"):
            return (b"".join(parts) if size <= limit else b""), size <= limit


def _bad_json(call: Call) -> Problem | None:
    if not call.body or "json" not in call.headers.get("content-type", ""):
        return None
    try:
        call.json()
    except ValueError:
        return problems.unparseable(len(call.body))
    return None


# a real socket
class _Wire:
    """Cuts the connection where a reply is to be lost, as a broken line would: without a byte."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
        if scope.get("standin.lost"):
            exchange = send.__self__
            exchange.disconnected = True
            exchange.transport.abort()


@dataclass(frozen=True, slots=True)
class Served:
    """A stand-in that answers: its address and itself."""

    url: str
    standin: StandIn


@contextmanager
def serve(standin: StandIn, port: int = 0) -> Iterator[Served]:
    """Answers on a loopback socket until the block ends; port 0 takes a free one."""
    listening = _listen(port)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        _Wire(standin.app),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="standin", daemon=True)
    thread.start()
    try:
        _wait(server, thread)
        yield Served(url, standin)
    finally:
        server.should_exit = True
        thread.join(STARTING_SECONDS)
        listening.close()


def _listen(port: int) -> socket.socket:
    """A loopback socket that sends at once: without that, every small answer waits 40 ms for the client."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.close()
        raise
    listening.listen(128)
    return listening


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    waiting = threading.Event()
    for _ in range(STARTING_SECONDS * 100):
        if server.started:
            return
        if not thread.is_alive():
            break
        waiting.wait(0.01)
    raise RuntimeError(
        "The stand-in did not start: its loopback socket never answered. Is another program blocking it?"
    )
