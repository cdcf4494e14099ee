"""One scheduler per database, tried with processes of their own on SQLite and on PostgreSQL.

1. A second scheduler is refused and told who works there and since when; nothing of its own is done.
2. It takes over when the first one is killed, at once if it stood by.
3. A holder notices that its right is gone: the connection broke, the lock file was deleted.
4. The right is given back at the end of its block, also in a process that goes on.
5. `once` leaves a request for the scheduler at work.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from scheduler import heart
from scheduler.lock import RightLost, SchedulerBusy, sole
from survey import cli
from survey.app import App, open_app
from survey.commands.init import start_study
from survey.models import Run

ROOT = Path(__file__).resolve().parents[2]
WORD = "Following the timetable"


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """A study in which nothing is due, so that its schedulers only hold the right."""
    url = "sqlite:///survey.sqlite"
    if request.param == "postgresql":
        engine = request.getfixturevalue("postgres_empty")
        url = engine.url.set(drivername="postgresql").render_as_string()
    schedule = {"sync": "off"}
    app = open_app(start_study(tmp_path / "study", {"database": {"url": url}, "schedule": schedule}))
    yield app
    app.close()


@contextmanager
def scheduler(app: App, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`survey schedule run` in a process of its own."""
    command = [sys.executable, "-m", "survey", "--settings", str(app.folder), "schedule", "run", *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        with process:
            yield process
            process.kill()
    finally:
        process.kill()


def survey(app: App, *words: str) -> tuple[int, str]:
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as err:
        code = cli.run(["--settings", str(app.folder), *words], clock=clock)
    return code, err.getvalue()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def until(claim: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def holder(app: App) -> str:
    found = heart.read(app.engine)
    return found.process if found and not found.has_left else ""


# 1, 2


def test_a_second_scheduler_is_refused_and_takes_over_from_one_that_was_killed(app):
    with scheduler(app) as first:
        assert WORD in first_line(first)
        code, said = survey(app, "schedule", "run")
        assert code == 1
        assert "another scheduler works on this database" in said
        assert f"process {first.pid} on " in said
        assert "since" in said
        assert holder(app).startswith(f"process {first.pid} ")
        with pytest.raises(SchedulerBusy, match=f"process {first.pid} on"), sole(app.engine, clock):
            pass
        with scheduler(app, "--wait") as third:
            until(lambda: third.poll() is None)
            os.kill(first.pid, signal.SIGKILL)
            assert WORD in first_line(third)
            assert holder(app).startswith(f"process {third.pid} ")
            third.terminate()
            assert third.wait(60) == 0
    assert holder(app) == ""  # it left in good order


# 3


def test_a_holder_notices_that_its_right_is_gone(app):
    with pytest.raises(RightLost), sole(app.engine, clock) as check:  # noqa: PT012
        check()
        if app.engine.dialect.name == "sqlite":
            (app.folder / "survey.sqlite.scheduler").unlink()
        else:
            end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            with Session(app.engine) as session:
                session.connection().execute(text(end))
        check()


# 4


def test_the_right_is_given_back(app):
    with sole(app.engine, clock), pytest.raises(SchedulerBusy), sole(app.engine, clock):
        pass
    taken: list[str] = []

    def take() -> None:
        with sole(app.engine, clock):
            taken.append("taken")

    for _ in range(2):  # by another connection: it used to stay locked in the pool
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
    with sole(app.engine, clock):
        pass
    assert taken == ["taken", "taken"]


# 5


def test_once_asks_the_scheduler_at_work(app):
    with sole(app.engine, clock):
        code, said = survey(app, "schedule", "once", "waves")
    assert code == 0, said
    assert f"process {os.getpid()} on" in said
    with app.session() as session:
        (run,) = session.exec(select(Run).where(Run.job == "waves")).all()
    assert run.state == "requested"
