"""Pushing entity updates through the outbox, beside a bare loop of the same requests to the same Central.

    python -m benchmarks.push [UPDATES [ROUNDS]]        by default 5000 and 3, from the root of the repository

The outbox reads the list once, asks what stands, writes two batches of rows for every hundred updates to an
SQLite file and sends each update on the version it read; the bare loop sends the same PATCH requests over one
kept connection and does nothing else. Rounds alternate, so that both meet the same server. First the
stand-in, in a process of its own; then a real Central, if SURVEY_TEST_CENTRAL_URL, _EMAIL and _PASSWORD name
one.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import requests
from pydantic import SecretStr
from sqlmodel import Session

from survey import outbox, store
from survey.central import Central
from survey.config import CentralSettings
from survey.outbox import LISTS, Write
from survey.push.flush import flush

EMAIL, PASSWORD = "bench@example.org", "a long enough password"
NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
SERVE = """
import sys, time
from survey.sandbox.central import StandIn, serve
with serve(StandIn(sys.argv[1], email=sys.argv[2], password=sys.argv[3])) as served:
    print(served.url, flush=True)
    sys.stdin.read()
"""


@contextmanager
def standin(folder: str) -> Iterator[CentralSettings]:
    """A stand-in in its own process, with one project."""
    call = [sys.executable, "-c", SERVE, f"{folder}/central.sqlite", EMAIL, PASSWORD]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        try:
            yield project_at(url, EMAIL, PASSWORD)
        finally:
            server.stdin.close()


def project_at(url: str, email: str, password: str) -> CentralSettings:
    """A new project on a server."""
    settings = CentralSettings(url=url, email=email, password=SecretStr(password))
    with Central(settings) as door:
        return settings.model_copy(update={"project": door.create_project("Benchmark")})


def said(key: str, turn: int) -> dict[str, str]:
    """What an entity is told in a turn: every turn something else."""
    return {
        "assigned": f"E{turn:02d}",
        "status": "active",
        "wave_due": str(turn),
        "due_from": "2026-06-17",
        "due_to": f"2026-08-{turn + 1:02d}",
    }


def bare(settings: CentralSettings, keys: list[str], turn: int) -> float:
    """Seconds for the PATCH requests alone."""
    login = {"email": settings.email, "password": settings.password.get_secret_value()}
    with requests.Session() as line:
        token = line.post(f"{settings.url}/v1/sessions", json=login).json()["token"]
        line.headers["Authorization"] = f"Bearer {token}"
        line.cookies.clear()
        home = f"{settings.url}/v1/projects/{settings.project}/datasets/returnee/entities"
        start = time.perf_counter()
        for key in keys:
            body = {"data": said(key, turn)}
            reply = line.patch(f"{home}/{key}", json=body, params={"baseVersion": str(turn)})
            reply.raise_for_status()
        return time.perf_counter() - start


def through_the_outbox(settings: CentralSettings, session: Session, keys: list[str], turn: int) -> float:
    """Seconds for planned rows to become confirmed ones, the reading of the list included."""
    writes = [Write("returnee", key, {"uuid": key, **said(key, turn)}) for key in keys]
    outbox.enqueue(session, [(turn, write) for write in writes], NOW)
    session.commit()
    with Central(settings) as central:
        start = time.perf_counter()
        done = flush(session, central, NOW)
        spent = time.perf_counter() - start
    if done.sent != len(keys):
        raise SystemExit(f"{done.sent} of {len(keys)} updates were sent")
    return spent


def measure(name: str, settings: CentralSettings, folder: str, updates: int, rounds: int) -> None:
    """Print both speeds on one server, and the one as a part of the other."""
    engine = store.connect(f"sqlite:///{folder}/study.sqlite", create=True)
    store.upgrade(engine)
    keys = [str(uuid.uuid4()) for _ in range(updates)]
    with Central(settings) as central:
        central.create_entity_list("returnee", LISTS["returnee"])
        for start in range(0, updates, 1000):
            rows = [{"uuid": key, "label": key, "data": {}} for key in keys[start : start + 1000]]
            central.create_entities("returnee", rows)
    spent: dict[str, list[float]] = {"bare": [], "outbox": []}
    with Session(engine) as session:
        ways: dict[str, Callable[[int], float]] = {
            "bare": lambda turn: bare(settings, keys, turn),
            "outbox": lambda turn: through_the_outbox(settings, session, keys, turn),
        }
        for turn in range(1, 2 * rounds + 1):
            way = "bare" if turn % 2 else "outbox"
            spent[way].append(ways[way](turn))
    engine.dispose()
    speeds = {way: updates / statistics.median(seconds) for way, seconds in spent.items()}
    print(
        f"{name:<10} {updates:,} updates, median of {rounds}: bare loop {speeds['bare']:7.1f} /s, "
        f"outbox {speeds['outbox']:7.1f} /s, {speeds['outbox'] / speeds['bare']:.0%} of it"
    )


def main(updates: int = 5000, rounds: int = 3) -> None:
    """The stand-in, then a real Central if there is one."""
    with tempfile.TemporaryDirectory() as folder, standin(folder) as settings:
        measure("stand-in", settings, folder, updates, rounds)
    if url := os.environ.get("SURVEY_TEST_CENTRAL_URL", "").rstrip("/"):
        account = (os.environ[f"SURVEY_TEST_CENTRAL_{name}"] for name in ("EMAIL", "PASSWORD"))
        with tempfile.TemporaryDirectory() as folder:
            measure("Central", project_at(url, *account), str(Path(folder)), updates, rounds)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
