"""Sync: what Central has and we do not, once.

1. The plan follows from what is stored and what is listed. 2. A second sync adds nothing. 3. Every edit is
kept as its exact XML. 4. Reviews, deletions, restorations and late attachments become events. 5. A crash
loses nothing. 6. What is dated before it could be seen is found. 7. Answers under an unknown form version
are kept and said. 8. Who withdrew is not fetched again.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from instruments.instrument import Instrument
from instruments.xform import BuiltForm, build
from survey import store, sync
from survey.central import Central, central
from survey.errors import CentralUnreachable
from survey.listing import Known, Seen, plan_absent, plan_sync, read_known, read_row
from survey.models import Case, FormVersion, Submission, SubmissionEvent, SyncMark

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


# 1: the plan


@pytest.mark.parametrize(
    ("known", "seen", "edits", "events"),
    [
        (None, Seen("a"), (0,), []),
        (None, Seen("a", edits=2), (0, 1, 2), []),
        (None, Seen("a", review="approved"), (0,), ["review"]),
        (None, Seen("a", deleted=True), None, ["deleted"]),
        (Known(0), Seen("a"), None, []),
        (Known(0), Seen("a", edits=1, review="edited"), (1,), ["review"]),
        (Known(0, review="approved"), Seen("a", review="approved"), None, []),
        (Known(0, review="approved"), Seen("a"), None, ["review"]),
        (Known(0), Seen("a", deleted=True), None, ["deleted"]),
        (Known(0, deleted=True), Seen("a", deleted=True), None, []),
        (Known(0, deleted=True), Seen("a"), None, ["restored"]),
        (Known(0), Seen("a", attachments=1), None, ["late"]),
        (Known(0, attachments=1), Seen("a", attachments=1), None, []),
        (Known(-1, deleted=True), Seen("a"), (0,), ["restored"]),
        (Known(0, redacted=True), Seen("a", edits=1, review="edited"), None, []),
        (Known(0, redacted=True), Seen("a", deleted=True), None, ["deleted"]),
    ],
)
def test_what_a_listed_instance_comes_to(known, seen, edits, events):
    plan = plan_sync({"a": known} if known else {}, [seen])
    assert [fetch.edits for fetch in plan.fetch] == ([edits] if edits else [])
    assert [event.kind for event in plan.events] == events
    idle = not edits and not events and not plan.withheld
    assert plan.same == int(idle)


def test_an_edit_of_someone_who_withdrew_is_withheld():
    plan = plan_sync({"a": Known(0, redacted=True)}, [Seen("a", edits=1)])
    assert (plan.withheld, plan.fetch) == (("a",), ())


def test_an_instance_that_a_full_listing_lacks_was_deleted_and_purged():
    known = {"a": Known(0), "b": Known(0), "c": Known(0, deleted=True)}
    assert [(e.instance_id, e.kind, e.meta) for e in plan_absent(known, {"b"})] == [
        ("a", "deleted", {"purged": True})
    ]


def test_a_row_of_the_listing_is_read_with_its_nulls():
    system = {"edits": None, "reviewState": None, "deletedAt": None, "attachmentsPresent": None}
    assert read_row({"__id": "a", "__system": system}) == Seen("a", meta=system)


# over a socket, on both databases


@cache
def form() -> BuiltForm:
    """A form of two questions."""
    survey = [["type", "name", "label"], ["text", "case_id", "Case"], ["integer", "age", "Age"]]
    sheets = {"survey": survey, "settings": [["form_title", "form_id", "version"], ["F", "f", "1"]]}
    return build(Instrument.from_sheets(sheets))


VERSION = form().version


def answer(instance: str, age: int = 30, replaces: str = "", case: str = "17") -> str:
    old = f"<deprecatedID>{replaces}</deprecatedID>" if replaces else ""
    return (
        f'<data id="f" version="{VERSION}"><case_id>{case}</case_id><age>{age}</age>'
        f"<meta>{old}<instanceID>{instance}</instanceID></meta></data>"
    )


@pytest.fixture
def there(central_at) -> Iterator[Central]:
    """Central with form f published and three submissions."""
    with Central(central_at.settings, backoff=0) as connection:
        connection.publish(form())
        for name in "abc":
            central_at.submit("f", answer(f"uuid:{name}"))
        yield connection


@pytest.fixture
def session(each_engine: Engine) -> Iterator[Session]:
    with Session(each_engine) as session:
        session.add(FormVersion(form_id="f", version=VERSION, digest="d", published_at=NOW))
        session.commit()
        yield session


def again(session: Session, there: Central, **options) -> sync.Synced:
    """A sync a minute after the study's moment; only the overlap decides what is listed."""
    return sync.sync_form(session, there, "f", now=NOW + timedelta(minutes=1), **options)


def events(session: Session) -> list[tuple[str, str]]:
    rows = session.exec(select(SubmissionEvent).order_by(SubmissionEvent.id))  # type: ignore[arg-type]
    return [(row.instance_id, row.kind) for row in rows]


def test_everything_is_fetched_as_it_was_sent(session: Session, there: Central):
    done = sync.sync_form(session, there, "f", now=NOW)
    assert (done.listed, done.new, done.edits, done.events, done.same) == (3, 3, 0, 0, 0)
    rows = {row.instance_id: row for row in session.exec(select(Submission))}
    assert rows["uuid:a"].xml == answer("uuid:a")
    assert (rows["uuid:a"].form_version, rows["uuid:a"].received_at) == (VERSION, NOW)
    assert rows["uuid:a"].meta["submitterName"] == "panel@example.org"


def test_a_second_sync_adds_nothing(session: Session, there: Central):
    sync.sync_form(session, there, "f", now=NOW)
    for full in (False, True):
        done = again(session, there, full=full)
        assert (done.listed, done.added, done.same) == (3, 0, 3)


def test_every_edit_is_kept_with_its_own_text(session: Session, there: Central, central_at):
    sync.sync_form(session, there, "f", now=NOW)
    central_at.edit("f", "uuid:a", answer("uuid:a2", 31, "uuid:a"))
    central_at.edit("f", "uuid:a", answer("uuid:a3", 32, "uuid:a2"))
    done = again(session, there)
    assert (done.new, done.edits, done.events) == (0, 2, 1)
    rows = session.exec(select(Submission).where(Submission.instance_id == "uuid:a")).all()
    kept = {row.edit: row.xml for row in rows}
    assert kept == {
        0: answer("uuid:a"),
        1: answer("uuid:a2", 31, "uuid:a"),
        2: answer("uuid:a3", 32, "uuid:a2"),
    }
    assert again(session, there).added == 0


def test_reviews_and_deletions_are_appended_as_events(session: Session, there: Central, central_at):
    sync.sync_form(session, there, "f", now=NOW)
    central_at.review("f", "uuid:a", "hasIssues")
    again(session, there)
    central_at.review("f", "uuid:a", "approved")
    central_at.delete("f", "uuid:b")
    again(session, there)
    assert events(session) == [("uuid:a", "review"), ("uuid:b", "deleted"), ("uuid:a", "review")]
    assert len(session.exec(select(Submission)).all()) == 3
    assert again(session, there).added == 0


def test_a_restored_submission_shows_in_the_next_listing_of_everything(session, there, central_at):
    sync.sync_form(session, there, "f", now=NOW)
    central_at.delete("f", "uuid:b")
    again(session, there)
    central_at.restore("f", "uuid:b")
    sync.sync_form(session, there, "f", now=NOW + sync.FULL_EVERY)
    assert events(session) == [("uuid:b", "deleted"), ("uuid:b", "restored")]


def test_what_was_deleted_before_it_was_seen_is_told_and_can_come_back(session, there, central_at):
    central_at.delete("f", "uuid:b")
    assert sync.sync_form(session, there, "f", now=NOW).new == 2
    central_at.restore("f", "uuid:b")
    assert again(session, there, full=True).new == 1


def test_what_central_has_purged_is_told_as_deleted(session: Session, there: Central):
    gone = Submission(
        form_id="f",
        instance_id="uuid:z",
        form_version=VERSION,
        xml="<data/>",
        digest="z",
        submitted_at=NOW,
        received_at=NOW,
    )
    store.append(session, [gone])
    session.commit()
    sync.sync_form(session, there, "f", now=NOW)
    assert events(session) == [("uuid:z", "deleted")]
    assert again(session, there, full=True).added == 0


class Crash(Exception):
    """The power goes."""


def test_a_crash_in_mid_sync_loses_nothing(session: Session, there: Central, central_at, monkeypatch):
    monkeypatch.setattr(central, "PAGE", 2)
    fetched = []

    def fetch(form_id: str, instance: str, version: str | None = None) -> str | None:
        fetched.append(instance)
        if len(fetched) == 3:
            raise Crash
        return Central.submission_xml(there, form_id, instance, version)

    monkeypatch.setattr(there, "submission_xml", fetch)
    with pytest.raises(Crash):
        sync.sync_form(session, there, "f", now=NOW)
    session.rollback()
    assert len(session.exec(select(Submission)).all()) == 2  # the page that was complete
    assert session.get(SyncMark, "f") is None
    done = again(session, there)
    assert (done.new, done.same) == (1, 2)


def test_a_central_that_goes_down_between_pages_loses_nothing(session, there, central_at, monkeypatch):
    monkeypatch.setattr(central, "PAGE", 2)
    central_at.standin.faults.refuse(status=503, where="Submissions", method="GET", skip=1, times=9)
    with pytest.raises(CentralUnreachable):
        sync.sync_form(session, there, "f", now=NOW)
    central_at.standin.faults.clear()
    assert again(session, there).new == 1


def test_what_is_dated_before_the_mark_but_came_after_it_is_found(session, there, central_at):
    """A slow upload is dated when it began; a cursor on the newest date seen would miss it."""
    sync.sync_form(session, there, "f", now=NOW)
    mark = session.get(SyncMark, "f")
    assert mark is not None
    mark.since += timedelta(minutes=5)
    session.commit()
    central_at.submit("f", answer("uuid:slow"))
    assert again(session, there).new == 1


def test_the_mark_is_centrals_clock_and_does_not_go_back(session, there, central_at):
    sync.sync_form(session, there, "f", now=NOW)
    first = session.get(SyncMark, "f")
    assert first is not None
    dates = [row["__system"]["submissionDate"] for row in there.submissions_since("f")]
    assert first.since == max(datetime.fromisoformat(date) for date in dates)
    first.since = ahead = first.since + timedelta(days=1)
    session.commit()
    again(session, there)
    kept = session.get(SyncMark, "f")
    assert kept is not None
    assert kept.since == ahead


def test_an_unknown_form_version_is_kept_and_said_until_it_is_known(session, there, central_at):
    with Central(central_at.settings, backoff=0) as other:
        strange = build(
            Instrument.from_sheets(
                {
                    "survey": [["type", "name", "label"], ["text", "case_id", "Case"]],
                    "settings": [["form_title", "form_id", "version"], ["F", "f", "9"]],
                }
            )
        )
        other.publish(strange)
    central_at.submit("f", answer("uuid:d").replace(VERSION, strange.version))
    for _ in range(2):
        done = again(session, there)
        assert [(f.level, f.code, f.where) for f in done.findings] == [
            ("error", "submission.unknown_version", f"f {strange.version}")
        ]
    assert len(session.exec(select(Submission)).all()) == 4
    session.add(FormVersion(form_id="f", version=strange.version, digest="e", published_at=NOW))
    session.commit()
    assert again(session, there).findings == ()


def test_who_withdrew_is_not_fetched_again(session: Session, there: Central, central_at):
    central_at.submit("f", answer("uuid:w", case="99"))
    sync.sync_form(session, there, "f", now=NOW)
    session.add(Case(case_id="99", person_id="P00099"))
    session.flush()
    store.redact(session, "99", who="supervisor", why="withdrew", now=NOW)
    session.commit()
    central_at.edit("f", "uuid:w", answer("uuid:w2", 31, "uuid:w", case="99"))
    done = again(session, there)
    assert (done.new, done.edits, done.events) == (0, 0, 0)
    assert [(f.level, f.code, f.where) for f in done.findings] == [
        ("warning", "submission.withheld", "f/uuid:w")
    ]
    assert read_known(session, "f")["uuid:w"].redacted


def test_a_form_that_was_never_published_is_left_out(session: Session, there: Central):
    assert [done.form_id for done in sync.sync_forms(session, there, ["g", "f"], now=NOW)] == ["f"]


def test_the_log_counts_and_names_nobody(session: Session, there: Central, caplog):
    caplog.set_level("INFO")
    sync.sync_form(session, there, "f", now=NOW)
    assert "sync.done form=f listed=3 new=3 edits=0 events=0 same=0 findings=0" in caplog.text
