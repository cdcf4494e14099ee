"""The store on both databases.

1. Opening says in one line what is wrong. 2. Raw rows are added once. 3. Nothing changes or deletes them.
4. A redaction blanks exactly one person's payloads and leaves a tombstone. 5. A run key is claimed once.
"""

from datetime import UTC, datetime
from threading import Thread

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from survey import store
from survey.errors import NotAllowed, StoreOutdated, StoreUnreachable
from survey.models import (
    Case,
    Contact,
    Correction,
    Outbox,
    Redaction,
    Run,
    Submission,
    SubmissionEvent,
)

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def answer(instance: str, case: str, digest: str = "d0", edit: int = 0) -> Submission:
    xml = f'<data id="f" version="1"><case_id>{case}</case_id><job>driver</job></data>'
    return Submission(
        form_id="f",
        instance_id=instance,
        edit=edit,
        form_version="1",
        xml=xml,
        digest=digest,
        meta={"submitterName": "E1"},
        submitted_at=NOW,
        received_at=NOW,
    )


@pytest.fixture
def session(each_engine: Engine):
    with Session(each_engine) as session:
        yield session


def test_appending_twice_is_appending_once(session: Session):
    assert store.append(session, [answer("a", "1"), answer("b", "2")]) == 2
    session.commit()
    assert store.append(session, [answer("a", "1"), answer("c", "3")]) == 1
    session.commit()
    assert len(session.exec(select(Submission)).all()) == 3


def test_a_row_that_another_writer_is_just_adding_counts_as_stored(each_engine: Engine):
    added = []

    def late_writer() -> None:
        with Session(each_engine) as session:
            store.lock(session)
            added.append(store.append(session, [answer("a", "1")]))
            session.commit()

    with Session(each_engine) as session:
        store.lock(session)
        store.append(session, [answer("a", "1")])
        late = Thread(target=late_writer)
        late.start()
        late.join(timeout=0.3)
        assert late.is_alive()  # it waits for us
        session.commit()
    late.join(timeout=10)
    assert added == [0]


def test_an_append_that_breaks_another_rule_is_not_swallowed(session: Session):
    lost = answer("a", "1")
    lost.run_id = 99
    with pytest.raises(IntegrityError):
        store.append(session, [lost])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE submission SET xml = '<data/>'",
        "UPDATE submission SET xml = '', meta = '{}'",
        "UPDATE submission SET xml = '', meta = '{}', redaction_id = 1",
        "UPDATE submission SET form_version = '2'",
        "DELETE FROM submission",
        "UPDATE submission_event SET kind = 'restored'",
        "DELETE FROM submission_event",
        "UPDATE correction SET new = 'x'",
        "DELETE FROM correction",
    ],
)
def test_raw_rows_refuse_every_change(session: Session, statement: str):
    event = SubmissionEvent(form_id="f", instance_id="a", kind="deleted", seen_at=NOW)
    correction = Correction(instance_id="a", variable="job", old="1", new="2", who="w", why="y", at=NOW)
    store.append(session, [answer("a", "1"), event, correction])
    session.commit()
    with pytest.raises(NotAllowed, match="cannot be changed or deleted"):
        session.execute(text(statement))
    session.rollback()
    assert session.exec(select(Submission)).one().xml.startswith("<data")


def test_replacing_a_raw_row_in_sqlite_is_refused_too(engine: Engine):
    with Session(engine) as session:
        store.append(session, [answer("a", "1")])
        session.commit()
        columns = "id, form_id, instance_id, edit, form_version, xml, digest, meta, submitted_at, received_at"
        with pytest.raises(NotAllowed):
            session.execute(
                text(
                    f"REPLACE INTO submission ({columns}) "
                    "SELECT id, form_id, instance_id, edit, form_version, 'changed', digest, meta, "
                    "submitted_at, received_at FROM submission"
                )
            )


def test_truncating_raw_rows_in_postgresql_is_refused(postgres_engine: Engine):
    with postgres_engine.connect() as connection, pytest.raises(NotAllowed):
        connection.execute(text("TRUNCATE submission CASCADE"))


def people(session: Session) -> None:
    session.add_all(
        [
            Case(case_id="17", person_id="P00001", panel_id="C-1", entity_uuid="e-17"),
            Case(case_id="18", person_id="P00002", panel_id="17"),
        ]
    )
    session.flush()
    session.add_all(
        [
            Contact(case_id="17", name="Nguyễn Thị Hoa", phone1="0912345678"),
            Contact(case_id="18", name="Trần Văn Bình"),
            Outbox(kind="entity", key="e-17", case_id="17", payload={"label": "Hoa"}, made_at=NOW),
        ]
    )
    by_entity = answer("c", "")
    by_entity.xml = '<data><meta><entity id="e-17"/></meta><job>cook</job></data>'
    other = answer("o", "18")
    other.xml = "<data><panel_id>17</panel_id><income>17</income></data>"
    changed = Correction(instance_id="a", variable="job", old="x", new="y", who="w", why="z", at=NOW)
    deleted = SubmissionEvent(form_id="f", instance_id="a", kind="deleted", meta={"k": 1}, seen_at=NOW)
    edited = answer("a", "17", digest="d1", edit=1)
    store.append(session, [answer("a", "17"), edited, by_entity, other, answer("u", "19"), changed, deleted])
    session.commit()


def test_a_redaction_blanks_one_person_and_leaves_a_dated_tombstone(session: Session):
    people(session)
    tomb = store.redact(session, "17", who="supervisor", why="withdrew consent", now=NOW)
    session.commit()
    session.expire_all()
    rows = {(s.instance_id, s.edit): s for s in session.exec(select(Submission))}
    blank = {key for key, s in rows.items() if s.xml == "" and s.meta == {} and s.redaction_id == tomb.id}
    assert blank == {("a", 0), ("a", 1), ("c", 0)}
    assert rows["a", 1].digest == "d1"
    assert rows["o", 0].xml.startswith("<data>")
    correction = session.exec(select(Correction)).one()
    assert (correction.old, correction.new, correction.why, correction.who) == ("", "", "", "w")
    assert session.exec(select(SubmissionEvent)).one().meta == {}
    assert session.exec(select(Outbox)).one().payload == {}
    assert [c.case_id for c in session.exec(select(Contact))] == ["18"]
    assert (tomb.at, tomb.submissions) == (NOW, 3)


def test_a_redacted_submission_does_not_come_back(session: Session):
    people(session)
    store.redact(session, "17", who="s", why="w", now=NOW)
    assert store.append(session, [answer("a", "17")]) == 0


def test_tombstones_and_redacted_rows_do_not_change_again(session: Session):
    people(session)
    store.redact(session, "17", who="s", why="w", now=NOW)
    session.commit()
    for statement in (
        "UPDATE redaction SET who = 'x'",
        "DELETE FROM redaction",
        "UPDATE submission SET xml = '<data/>' WHERE redaction_id IS NOT NULL",
        "UPDATE submission SET redaction_id = NULL WHERE redaction_id IS NOT NULL",
    ):
        with pytest.raises(NotAllowed):
            session.execute(text(statement))
        session.rollback()


def test_a_tombstone_does_not_let_other_columns_change(session: Session):
    store.append(session, [answer("a", "1")])
    session.add(Redaction(case_id="1", at=NOW, who="s", why="w"))
    session.commit()
    with pytest.raises(NotAllowed):
        session.execute(text("UPDATE submission SET xml = '', meta = '{}', redaction_id = 1, digest = 'x'"))


def test_redacting_an_unknown_case_is_an_error(session: Session):
    with pytest.raises(LookupError):
        store.redact(session, "404", who="s", why="w", now=NOW)


def test_redaction_shows_in_the_log_without_a_name(session: Session, caplog):
    people(session)
    store.redact(session, "17", who="s", why="w", now=NOW)
    assert "store.redacted case=17" in caplog.text
    assert "Hoa" not in caplog.text


def test_a_run_key_is_claimed_once(session: Session):
    run = store.start_run(session, "sync", now=NOW, key="sync 2026-03-02")
    with pytest.raises(NotAllowed, match="claimed before"):
        store.start_run(session, "sync", now=NOW, key="sync 2026-03-02")
    store.finish_run(session, run, now=NOW, outcome={"new": 3})
    assert [(r.state, r.outcome) for r in session.exec(select(Run))] == [("done", {"new": 3})]


def test_a_failed_run_keeps_its_error(session: Session):
    run = store.start_run(session, "sync", now=NOW)
    store.finish_run(session, run, now=NOW, error="Central does not answer")
    assert (run.state, run.error) == ("failed", "Central does not answer")


def test_a_locked_session_keeps_other_writers_out(engine: Engine):
    with Session(engine) as session:
        store.lock(session)
        with engine.connect() as other:
            other.exec_driver_sql("PRAGMA busy_timeout=0")
            with pytest.raises(Exception, match="locked"):
                other.exec_driver_sql(
                    "INSERT INTO run (job, key, state, outcome, error) VALUES (1,1,'done','{}','')"
                )


def test_a_missing_file_is_not_made_by_looking(tmp_path):
    with pytest.raises(StoreUnreachable, match=r"no database yet .*study\.sqlite.*survey db upgrade"):
        store.connect("sqlite:///study.sqlite", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path):
    (tmp_path / "study.sqlite").write_text("names and phones" * 100)
    with pytest.raises(StoreUnreachable, match="file is not a database"):
        store.connect("sqlite:///study.sqlite", tmp_path)


def test_a_server_that_is_down_is_said_without_the_password():
    with pytest.raises(StoreUnreachable) as caught:
        store.connect("postgresql://panel:s3cret@127.0.0.1:9/study")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_database_is_outdated(tmp_path):
    engine = store.connect("sqlite:///study.sqlite", tmp_path, create=True)
    with pytest.raises(StoreOutdated, match="schema none, this version needs"):
        store.require_current(engine)
    engine.dispose()
