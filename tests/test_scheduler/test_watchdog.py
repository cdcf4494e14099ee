"""What a monitor and a service manager are told.

1. Under systemd the service says when it is ready, that it lives, and that it stops; SIGTERM ends it well.
2. A process that hangs is not pinged for, and ends itself.
3. `watch` cries out when no scheduler has ever worked, the heart has stopped, a job failed or is late, or a
   clock is wrong; it says nothing while all is well.
4. A tick that fails ends the service with its error and not with 0.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from sqlmodel import Session, select

from scheduler import claims, heart, journal, runner, watchdog
from scheduler.lock import sole
from survey import cli
from survey.app import App, open_app
from survey.commands.init import start_study
from survey.errors import CentralUnreachable
from survey.models import Run

ROOT = Path(__file__).resolve().parents[2]
MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # Monday, 8 o'clock in Ha Noi


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = open_app(start_study(tmp_path / "study", {"schedule": {"waves": "daily 04:30"}}))
    yield app
    app.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(60)
        yield ear


def schedule(app: App, word: str, now: datetime) -> tuple[int, str]:
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as err:
        code = cli.run(["--settings", str(app.folder), "schedule", word], clock=lambda: now)
    return code, err.getvalue()


# 1


def test_the_service_tells_systemd_that_it_lives_and_leaves_well(app, ear, tmp_path):
    command = [sys.executable, "-m", "survey", "--settings", str(app.folder), "schedule", "run"]
    environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE) as service:
        assert ear.recv(500).startswith(b"READY=1")
        told = {ear.recv(500).split(b"=")[0] for _ in range(4)}
        assert b"WATCHDOG" in told
        service.send_signal(signal.SIGTERM)
        while ear.recv(500) != b"STOPPING=1":
            pass
        assert service.wait(60) == 0
    with Session(app.engine) as session:
        states = {run.key.split()[0]: run.state for run in session.exec(select(Run))}
    assert states == {"scheduler": "done", "waves": "done"}


def test_without_systemd_nobody_is_told(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert watchdog.notify("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    assert watchdog.notify("READY=1") is False


# 2


def test_a_process_that_hangs_is_not_pinged_for_and_ends(monkeypatch, ear, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    ended, codes = threading.Event(), []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    pulse = watchdog.Pulse()
    with watchdog.watched(pulse, end=end):
        assert ear.recv(500) == b"WATCHDOG=1"
        assert not ended.is_set()
        pulse.expect(0, "release")
        assert ended.wait(30)
    assert (pulse.overdue(), codes) == ("release", [1])
    pulse.expect(60, "release")
    assert pulse.overdue() == ""


# 3


def codes(app: App, now: datetime) -> list[tuple[str, str]]:
    return [(finding.level, finding.code) for finding in journal.alarms(app, now)]


def test_a_schedule_that_nobody_keeps_is_told_from_one_that_is_well(app):
    assert codes(app, MORNING) == [("error", "schedule.never")]
    assert "No scheduler has worked" in journal.pulse(app, MORNING)
    with sole(app.engine, lambda: MORNING):
        runner.tick(app, lambda: MORNING)
        assert codes(app, MORNING + timedelta(minutes=9)) == []
        assert "A scheduler works here" in journal.pulse(app, MORNING)
        assert codes(app, MORNING + timedelta(minutes=11)) == [("error", "schedule.silent")]
        assert "heart has stopped" in journal.pulse(app, MORNING + timedelta(minutes=11))
        assert codes(app, MORNING - timedelta(hours=2)) == [("error", "schedule.clock")]
    assert "stopped in good order" in journal.pulse(app, MORNING)


def test_failed_and_late_jobs_cry_out(app):
    now = MORNING

    def down(app, now, run_id):
        raise CentralUnreachable("Central does not answer", where="http://127.0.0.1:1", cure="is it up?")

    for tries in range(claims.TRIES):
        runner.tick(app, lambda now=now: now, jobs={"waves": down})
        level = "warning" if tries < claims.TRIES - 1 else "error"
        assert codes(app, now) == [(level, "schedule.failed")]
        assert "Central does not answer" in journal.alarms(app, now)[0].message
        now += claims.PAUSE + timedelta(minutes=1)
    tomorrow = MORNING + timedelta(days=1)
    heart.beat(app.engine, tomorrow)
    assert codes(app, tomorrow) == []  # due since half past four, begun within four hours
    heart.beat(app.engine, tomorrow + timedelta(hours=1))
    assert codes(app, tomorrow + timedelta(hours=1)) == [("error", "schedule.late")]


def test_watch_leaves_with_a_code_for_monitors(app):
    code, said = schedule(app, "watch", MORNING)
    assert (code, "survey schedule run" in said) == (3, True)
    with sole(app.engine, lambda: MORNING):
        runner.tick(app, lambda: MORNING)
    assert schedule(app, "watch", MORNING) == (0, "")


# 4


def test_a_tick_that_fails_ends_the_service_with_its_error(app):
    """It used to leave with 0, so that no service manager started it again."""
    with Session(app.engine) as session:
        session.add(Run(job=heart.HEART, key=heart.HEART, heartbeat_at=datetime(2099, 1, 1, tzinfo=UTC)))
        session.commit()
    code, said = schedule(app, "run", MORNING)
    assert code == 1
    assert "this machine's clock says" in said
    assert "--trust-clock" in said
