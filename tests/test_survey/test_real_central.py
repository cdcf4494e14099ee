"""One behaviour, two servers: forms and sync.

    SURVEY_TEST_CENTRAL_URL=… SURVEY_TEST_CENTRAL_EMAIL=… SURVEY_TEST_CENTRAL_PASSWORD=… pytest THIS FILE

Everything runs on the stand-in, and on a real ODK Central where the environment names one. Only what both can
do is asked: failures come from a wire that is cut, a session that is ended or a form that is closed, never
from inside the server. 1. Forms are published, again, with new files, after a cut, and closed. 2. Sync brings
home everything once, whatever the line and the session do. Tablets and entities: test_real_field.py.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import Session, select

from instruments.instrument import Instrument
from instruments.xform import BuiltForm, build
from survey import cases, outbox, sync
from survey.central import Central, central
from survey.errors import CentralRefused, CentralRejected, CentralUnreachable
from survey.models import FormVersion, Submission, SubmissionEvent
from survey.publish import publish_forms
from survey.sandbox.collect import CollectError

NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
AREAS, MORE_AREAS = b"name,label\n1,North\n", b"name,label\n1,North\n2,South\n"


@cache
def form(number: str = "1", *, reads: str = "") -> BuiltForm:
    """A form of a few questions and a repeat, with a file to choose from."""
    survey = [["type", "name", "label"], ["text", "case_id", "Case"], ["integer", "age", "Age"]]
    survey += [["image", "photo", "Photo"], ["begin repeat", "job", "Job"], ["text", "title", "Title"]]
    survey += [["end repeat", "", ""]]
    survey += [[f"select_one_from_file {reads}.csv", "area", "Area"]] if reads else []
    sheets = {"survey": survey, "settings": [["form_title", "form_id", "version"], ["F", "f", number]]}
    return build(Instrument.from_sheets(sheets))


def answer(built: BuiltForm, instance: str, inner: str = "<age>30</age>", meta: str = "") -> str:
    """A filled form."""
    return (
        f'<data id="{built.form_id}" version="{built.version}"><case_id>17</case_id>{inner}'
        f"<meta>{meta}<instanceID>{instance}</instanceID></meta></data>"
    )


def replacing(built: BuiltForm, instance: str, old: str, age: int) -> str:
    return answer(built, instance, f"<age>{age}</age>", f"<deprecatedID>{old}</deprecatedID>")


def given(there: Central, *forms: str, name: str = "E1") -> dict[str, Any]:
    """An app user who may fill these forms."""
    user = there.create_app_user(name)
    for one in forms:
        there.assign(one, user["id"])
    return user


# 1: forms


def test_a_wrong_password_and_a_project_that_is_not_there_are_one_line_each(each_central):
    wrong = each_central.settings.model_copy(update={"password": SecretStr("hunter2-hunter2")})
    with pytest.raises(CentralRefused, match="does not accept the e-mail or the password"):
        Central(wrong, backoff=0).__enter__()
    nowhere = each_central.settings.model_copy(update={"project": 999_999})
    with Central(nowhere, backoff=0) as connection, pytest.raises(CentralRejected) as caught:
        connection.forms()
    assert caught.value.code == "404.1"
    assert "check central.project" in str(caught.value)


@pytest.mark.parametrize("upload", ["xlsx", "xml"])
def test_a_form_is_published_once_as_workbook_or_as_xform(each_central, upload: str):
    settings = each_central.settings.model_copy(update={"upload": upload, "timeout": 30})
    with Central(settings, backoff=0) as connection:
        assert connection.publish(form()).outcome == "published"
        assert connection.publish(form()).outcome == "same"
        assert connection.publish(form("2")).outcome == "published"
        assert connection.publish(form()).version == f"{form().version}-1"  # a text that comes back
        versions = connection.versions("f")
    assert versions == [f"{form().version}-1", form("2").version, form().version]


@pytest.mark.parametrize("upload", ["xlsx", "xml"])
def test_the_shipped_forms_are_published_and_stand(each_central, session: Session, upload: str):
    settings = each_central.settings.model_copy(update={"upload": upload, "timeout": 60})
    names = ["rm_contact", "rm_followup", "rm_baseline"]
    wanted = {"files": cases.lists(session), "entity_lists": outbox.LISTS, "now": NOW}
    with Central(settings, backoff=0) as connection:
        first, again = (
            publish_forms(session, connection, names, folder=None, judge=lambda built: [], **wanted)
            for _ in range(2)
        )
        made = connection.entity_list("returnee") or {}
    assert sorted(a.target for a in first.actions if a.kind == "publish") == sorted(names)
    assert again.actions == ()
    assert {item["name"] for item in made["properties"]} >= set(outbox.LISTS["returnee"])


def test_new_files_alone_make_a_version_that_tablets_fill(there: Central, each_central, tablet):
    built = form(reads="areas")
    there.publish(built, {"areas.csv": AREAS})
    done = there.publish(built, {"areas.csv": MORE_AREAS})
    assert (done.outcome, done.version) == ("files", f"{built.version}-1")
    assert there.publish(built, {"areas.csv": MORE_AREAS}).outcome == "same"
    device = tablet(given(there, "f")["token"])
    assert sorted(device.update(NOW)) == ["f/form.xml", "f/media/areas.csv"]
    assert device.update(NOW) == []
    assert (device.media("f") / "areas.csv").read_bytes() == MORE_AREAS
    assert f'version="{done.version}"' in device.form("f").read_text()
    device.post(answer(built, "uuid:a").replace(built.version, done.version), NOW)
    assert [row["__system"]["formVersion"] for row in there.submissions_since("f")] == [done.version]


@pytest.mark.parametrize("lost", ["/forms?", "/draft/attachments/areas.csv", "/draft/publish"])
def test_publishing_over_a_line_that_is_cut_ends_well_at_the_latest_with_the_next_try(
    there: Central, line, lost: str
):
    built = form(reads="areas")
    line.cut("POST", lost)
    with suppress(CentralUnreachable):
        there.publish(built, {"areas.csv": AREAS})
    assert line.cuts == []
    assert there.publish(built, {"areas.csv": AREAS}).outcome in ("resumed", "same")
    assert there.versions("f") == [built.version]


def test_new_files_over_a_line_that_is_cut_are_published_once(there: Central, line):
    built = form(reads="areas")
    there.publish(built, {"areas.csv": AREAS})
    line.cut("POST", "/draft?")
    with suppress(CentralUnreachable):
        there.publish(built, {"areas.csv": MORE_AREAS})
    there.publish(built, {"areas.csv": MORE_AREAS})
    assert there.versions("f") == [f"{built.version}-1", built.version]


def test_a_form_that_lacks_a_file_stays_a_draft(there: Central):
    with pytest.raises(CentralRejected, match=r"needs the file areas.csv, which was not given"):
        there.publish(form(reads="areas"))
    assert there.versions("f") == []
    assert there.publish(form(reads="areas"), {"areas.csv": AREAS}).outcome == "resumed"


def test_a_text_that_central_cannot_read_is_one_line(each_central):
    settings = each_central.settings.model_copy(update={"upload": "xml"})
    broken = BuiltForm("f", "1", "<not a form", b"", (), (), "F")
    with Central(settings, backoff=0) as connection, pytest.raises(CentralRejected) as caught:
        connection.publish(broken)
    assert caught.value.status == 400
    assert "not a form" not in str(caught.value)


def test_a_closing_form_leaves_the_tablets_and_takes_what_they_hold(there: Central, tablet):
    there.publish(form())
    device = tablet(given(there, "f")["token"])
    there.form_state("f", "closing")
    assert device.form_list(NOW) == []
    device.post(answer(form(), "uuid:late"), NOW)
    there.form_state("f", "closed")
    with pytest.raises(CollectError, match="409"):
        device.post(answer(form(), "uuid:later"), NOW)
    there.form_state("f", "open")
    device.post(answer(form(), "uuid:later"), NOW)
    assert {row["__id"] for row in there.submissions_since("f")} == {"uuid:late", "uuid:later"}
    assert [(row["xmlFormId"], row["state"]) for row in there.forms()] == [("f", "open")]


# 2: sync


@pytest.fixture
def filled(there: Central, each_central, session: Session) -> Session:
    """A study that knows form f, of which Central holds five submissions."""
    there.publish(form())
    session.add(FormVersion(form_id="f", version=form().version, digest="d", published_at=NOW))
    session.commit()
    for name in "abcde":
        each_central.submit("f", answer(form(), f"uuid:{name}"))
    return session


def synced(session: Session, there: Central, **options: Any) -> sync.Synced:
    return sync.sync_form(session, there, "f", now=NOW, **options)


def told(session: Session) -> list[tuple[str, str]]:
    rows = session.exec(select(SubmissionEvent).order_by(SubmissionEvent.id))  # type: ignore[arg-type]
    return [(row.instance_id, row.kind) for row in rows]


def test_a_listing_goes_on_beyond_one_page_and_a_second_sync_adds_nothing(
    filled: Session, there: Central, monkeypatch
):
    monkeypatch.setattr(central, "PAGE", 2)
    assert [len(page) for page in there.submission_pages("f")] == [2, 2, 1]
    first = synced(filled, there)
    assert (first.listed, first.new) == (5, 5)
    for full in (False, True):
        again = synced(filled, there, full=full)
        assert (again.listed, again.added, again.same) == (5, 0, 5)
    kept = {row.instance_id: row.xml for row in filled.exec(select(Submission))}
    assert kept == {f"uuid:{name}": answer(form(), f"uuid:{name}") for name in "abcde"}


def test_a_listing_since_a_moment_names_what_came_changed_or_went(filled: Session, there, each_central):
    newest = max(row["__system"]["submissionDate"] for row in there.submissions_since("f"))
    after = datetime.fromisoformat(newest) + timedelta(milliseconds=1)
    time.sleep(0.01)
    assert list(there.submissions_since("f", after)) == []
    each_central.review("f", "uuid:a", "approved")
    each_central.delete("f", "uuid:b")
    each_central.submit("f", answer(form(), "uuid:z"))
    assert {row["__id"] for row in there.submissions_since("f", after)} == {"uuid:a", "uuid:b", "uuid:z"}
    assert len(list(there.submissions_since("f"))) == 6  # the deleted one too


def test_every_edit_is_brought_home_as_it_was_sent(filled: Session, there: Central, each_central):
    synced(filled, there)
    sent = [answer(form(), "uuid:a")]
    for number, old in ((2, "uuid:a"), (3, "uuid:a2")):
        sent.append(replacing(form(), f"uuid:a{number}", old, 30 + number))
        each_central.edit("f", "uuid:a", sent[-1])
    done = synced(filled, there)
    assert (done.new, done.edits) == (0, 2)
    rows = filled.exec(select(Submission).where(Submission.instance_id == "uuid:a"))
    assert [row.xml for row in sorted(rows, key=lambda row: row.edit)] == sent
    assert told(filled) == [("uuid:a", "review")]  # Central marks it as edited
    assert synced(filled, there).added == 0


def test_reviews_deletion_and_restoration_are_told(filled: Session, there: Central, each_central):
    synced(filled, there)
    each_central.review("f", "uuid:a", "approved")
    each_central.review("f", "uuid:b", "rejected")
    each_central.delete("f", "uuid:c")
    synced(filled, there)
    assert sorted(told(filled)) == [("uuid:a", "review"), ("uuid:b", "review"), ("uuid:c", "deleted")]
    each_central.review("f", "uuid:b", "hasIssues")
    each_central.restore("f", "uuid:c")
    synced(filled, there, full=True)
    assert sorted(told(filled)[3:]) == [("uuid:b", "review"), ("uuid:c", "restored")]
    assert synced(filled, there, full=True).added == 0
    states = {row["__id"]: row["__system"]["reviewState"] for row in there.submissions_since("f")}
    assert (states["uuid:a"], states["uuid:b"], states["uuid:c"]) == ("approved", "hasIssues", None)


def test_what_is_deleted_is_not_to_be_had_and_an_edit_of_it_is_refused(filled: Session, there, each_central):
    each_central.delete("f", "uuid:a")
    assert there.submission_xml("f", "uuid:a") is None
    assert there.submission_edits("f", "uuid:a") == []
    assert synced(filled, there).new == 4


def test_a_photo_that_comes_later_is_told(filled: Session, there: Central, each_central):
    each_central.submit("f", answer(form(), "uuid:p", "<age>30</age><photo>p.jpg</photo>"))
    synced(filled, there)
    where = "~/forms/f/submissions/uuid:p/attachments/p.jpg"
    each_central.call("POST", where, data=b"\xff\xd8\xff", headers={"Content-Type": "image/jpeg"})
    synced(filled, there)
    assert told(filled) == [("uuid:p", "late")]


def test_a_long_repeat_comes_home_byte_for_byte(filled: Session, there: Central, tablet):
    jobs = "".join(f"<job><title>Thợ hàn số {n} &amp; con</title></job>" for n in range(2000))
    sent = answer(form(), "uuid:long", f"<age>30</age>{jobs}")
    tablet(given(there, "f")["token"]).post(sent, NOW)
    synced(filled, there)
    row = filled.exec(select(Submission).where(Submission.instance_id == "uuid:long")).one()
    assert row.xml == sent


def test_reading_over_a_line_that_is_cut_is_repeated(filled: Session, there: Central, line):
    line.cut("GET", "Submissions?")
    line.cut("GET", "submissions/uuid")
    assert synced(filled, there).new == 5
    assert line.cuts == []


def test_a_session_that_is_ended_in_mid_sync_is_renewed_once(filled, there, each_central, monkeypatch):
    monkeypatch.setattr(central, "PAGE", 2)
    held = [there._session.headers["Authorization"]]
    pages = Central.submission_pages

    def ended_after_a_page(self: Central, *arguments: Any) -> Iterator[list[dict[str, Any]]]:
        for number, page in enumerate(pages(self, *arguments)):
            yield page
            if number == 0:
                each_central.call("DELETE", f"sessions/{held[0].removeprefix('Bearer ')}")
            if there._session.headers["Authorization"] not in held:
                held.append(there._session.headers["Authorization"])

    monkeypatch.setattr(Central, "submission_pages", ended_after_a_page)
    assert synced(filled, there).new == 5
    assert len(held) == 2


def test_after_a_refusal_the_next_question_is_answered(filled: Session, there: Central):
    """A cursor that a sub-table refuses makes Central hang up the connection; one is not to notice."""
    base = there._path("forms/f.svc/Submissions.job")
    for _ in range(3):
        with pytest.raises(CentralRejected) as caught:
            there._client.get(base, params={"$top": "1", "$skiptoken": "01bm90aGluZw=="})
        assert caught.value.status == 400
        assert len(list(there.submissions_since("f"))) == 5
