"""One behaviour, two servers: the stand-in always, and a real ODK Central where one may be filled.

    SURVEY_TEST_CENTRAL_URL=… SURVEY_TEST_CENTRAL_EMAIL=… SURVEY_TEST_CENTRAL_PASSWORD=… pytest THIS FILE

Only what both can do is asked: failures come from a wire that is cut, a session that is ended or a form that
is closed, never from inside the server. Each test has a project of its own. 1. Forms are published, again,
with new files, after a cut, and closed. 2. Sync brings home everything once, whatever the line and the
session do. 3. App users and assignments may be asked for twice. 4. Entities are written once and their
conflicts are told. 5. What is pushed waits for its entity and reaches the tablet.
"""

import csv
import io
import select
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from sqlmodel import Session
from sqlmodel import select as query

from instruments.instrument import Instrument
from instruments.plan import load_plan
from instruments.xform import BuiltForm, build
from survey import cases, outbox, sync
from survey.cases import Baseline, Facts, Sampled
from survey.central import Central, central
from survey.errors import CentralRejected, CentralUnreachable
from survey.models import AppUserToken, FormVersion, Outbox, Submission, SubmissionEvent
from survey.publish import publish_forms
from survey.sandbox.collect import Collect, CollectError

NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
PATIENCE = 60  # seconds; a real Central makes entities within ten when it is idle
AREAS, MORE_AREAS = b"name,label\n1,North\n", b"name,label\n1,North\n2,South\n"
ENTITIES = "http://www.opendatakit.org/xforms/entities"
FIELDS = (("text", "case_id"), ("integer", "age"), ("image", "photo"))


@cache
def form(
    name: str = "f", number: str = "1", *, reads: str = "", makes: str = "", changes: str = ""
) -> BuiltForm:
    """A form of three questions and a repeat, with files to choose from or an entity list to write to."""
    written = {"age": "age"} if makes or changes else {}
    survey = [["type", "name", "label", "save_to"]]
    survey += [[kind, question, question, written.get(question, "")] for kind, question in FIELDS]
    survey += [["begin repeat", "job", "Job", ""], ["text", "title", "Title", ""], ["end repeat", "", "", ""]]
    survey += [[f"select_one_from_file {file}.csv", file, file, ""] for file in reads.split()]
    sheets = {"survey": survey, "settings": [["form_title", "form_id", "version"], [name, name, number]]}
    if makes:
        sheets["entities"] = [["list_name", "label"], [makes, "${case_id}"]]
    if changes:
        sheets["entities"] = [["list_name", "entity_id"], [changes, f"${{{changes}}}"]]
    return build(Instrument.from_sheets(sheets))


def answer(built: BuiltForm, instance: str, inner: str = "<age>30</age>", meta: str = "") -> str:
    """A filled form."""
    return (
        f'<data id="{built.form_id}" version="{built.version}"><case_id>17</case_id>{inner}'
        f"<meta>{meta}<instanceID>{instance}</instanceID></meta></data>"
    )


def replacing(built: BuiltForm, instance: str, old: str, age: int) -> str:
    return answer(built, instance, f"<age>{age}</age>", f"<deprecatedID>{old}</deprecatedID>")


def creating(built: BuiltForm, instance: str, entity: str, age: int = 30) -> str:
    node = f'<entity xmlns="{ENTITIES}" dataset="people" id="{entity}" create="1"><label>17</label></entity>'
    return answer(built, instance, f"<age>{age}</age>", node)


def new() -> str:
    """An instance id or an entity id that no server has seen."""
    return str(uuid.uuid4())


def eventually(what: Callable[[], Any]) -> Any:
    """What comes true once Central's worker has been there."""
    until = time.monotonic() + PATIENCE
    while not (found := what()) and time.monotonic() < until:
        time.sleep(0.2)
    assert found, f"did not come true within {PATIENCE} s"
    return found


class Line:
    """A wire to a server; one that is cut delivers what is asked and loses the answer."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self._there = (there.hostname or "", there.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cuts: list[tuple[bytes, bytes]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, method: str, where: str = "", times: int = 1) -> None:
        """Lose the answers to the next requests of that kind."""
        self.cuts += [(method.encode(), where.encode())] * times

    def close(self) -> None:
        """Nobody connects any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._there) as far, suppress(OSError):
            doomed = False
            while True:
                for end in select.select([near, far], [], [])[0]:
                    data = end.recv(65536)
                    if not data or (end is far and doomed):
                        return
                    doomed = doomed or (end is near and self._falls(data))
                    (far if end is near else near).sendall(data)

    def _falls(self, data: bytes) -> bool:
        asked = data.partition(b"\r\n")[0]
        for cut in self.cuts:
            if asked.startswith(cut[0] + b" ") and cut[1] in asked:
                self.cuts.remove(cut)
                return True
        return False


@pytest.fixture
def line(each_central) -> Iterator[Line]:
    wire = Line(each_central.url)
    yield wire
    wire.close()


@pytest.fixture
def there(each_central, line: Line) -> Iterator[Central]:
    """Central as we ask it, over a line that can be cut."""
    settings = each_central.settings.model_copy(update={"url": line.url, "timeout": 30})
    with Central(settings, backoff=0) as connection:
        yield connection


@pytest.fixture
def tablet(each_central, tmp_path: Path) -> Iterator[Callable[[str], Collect]]:
    """Makes the tablet that holds a token."""
    session = requests.Session()

    def made(token: str) -> Collect:
        base = f"{each_central.url}/v1/key/{token}/projects/{each_central.project}"
        return Collect(base, tmp_path / f"tablet-{token[:8]}", session=session)

    yield made
    session.close()


def given(there: Central, *forms: str, name: str = "E1") -> dict[str, Any]:
    """An app user who may fill these forms."""
    user = there.create_app_user(name)
    for one in forms:
        there.assign(one, user["id"])
    return user


# 1: forms


@pytest.mark.parametrize("upload", ["xlsx", "xml"])
def test_a_form_is_published_once_as_workbook_or_as_xform(each_central, upload: str):
    settings = each_central.settings.model_copy(update={"upload": upload, "timeout": 30})
    with Central(settings, backoff=0) as connection:
        assert connection.publish(form()).outcome == "published"
        assert connection.publish(form()).outcome == "same"
        assert connection.publish(form(number="2")).outcome == "published"
        assert connection.publish(form()).version == f"{form().version}-1"  # a text that comes back
        versions = connection.versions("f")
    assert versions == [f"{form().version}-1", form(number="2").version, form().version]


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
    device.post(answer(built, new()).replace(built.version, done.version), NOW)
    assert [row["__system"]["formVersion"] for row in there.submissions_since("f")] == [done.version]


@pytest.mark.parametrize("lost", ["/forms?", "/draft/attachments/areas.csv", "/draft/publish"])
def test_publishing_over_a_line_that_is_cut_ends_well_at_the_latest_with_the_next_try(
    there: Central, line: Line, lost: str
):
    built = form(reads="areas")
    line.cut("POST", lost)
    with suppress(CentralUnreachable):
        there.publish(built, {"areas.csv": AREAS})
    assert line.cuts == []
    assert there.publish(built, {"areas.csv": AREAS}).outcome in ("resumed", "same")
    assert there.versions("f") == [built.version]


def test_new_files_over_a_line_that_is_cut_are_published_once(there: Central, line: Line):
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
    rows = session.exec(query(SubmissionEvent).order_by(SubmissionEvent.id))  # type: ignore[arg-type]
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
    kept = {row.instance_id: row.xml for row in filled.exec(query(Submission))}
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
    rows = filled.exec(query(Submission).where(Submission.instance_id == "uuid:a"))
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
    row = filled.exec(query(Submission).where(Submission.instance_id == "uuid:long")).one()
    assert row.xml == sent


def test_reading_over_a_line_that_is_cut_is_repeated(filled: Session, there: Central, line: Line):
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


# 3: app users and tablets


def test_an_app_user_is_made_once_and_given_a_form_once(there: Central, line: Line, each_central):
    there.publish(form())
    line.cut("POST", "/app-users")
    made = there.create_app_user("E1")
    assert there.create_app_user("E1") == made
    assert len(there.app_users()) == 1
    line.cut("POST", "/assignments")
    for _ in range(2):
        there.assign("f", made["id"])
    assert [row["id"] for row in each_central.call("GET", "~/forms/f/assignments/2")] == [made["id"]]


def test_a_tablet_sees_what_it_was_given_until_its_token_is_revoked(there: Central, tablet):
    there.publish(form())
    there.publish(form("g"))
    user = given(there, "f")
    device = tablet(user["token"])
    assert [listed.form_id for listed in device.form_list(NOW)] == ["f"]
    with pytest.raises(CollectError) as refused:
        device.post(answer(form("g"), "uuid:g"), NOW)
    assert refused.value.status in (401, 403)
    there.revoke(user["id"])
    with pytest.raises(CollectError) as refused:
        device.form_list(NOW)
    assert refused.value.status in (401, 403)
    assert there.create_app_user("E1")["id"] != user["id"]
    assert sorted(bool(one["token"]) for one in there.app_users()) == [False, True]


def test_a_tablet_may_send_the_same_bytes_twice_and_no_others(there: Central, tablet):
    there.publish(form())
    device = tablet(given(there, "f")["token"])
    for _ in range(2):
        device.post(answer(form(), "uuid:a"), NOW)
    with pytest.raises(CollectError, match="409"):
        device.post(answer(form(), "uuid:a", "<age>31</age>"), NOW)
    with pytest.raises(CollectError, match="404"):
        device.post(answer(form(number="7"), "uuid:b"), NOW)  # no such version
    assert [row["__id"] for row in there.submissions_since("f")] == ["uuid:a"]


# 4: entities


def test_entities_are_made_once_over_a_line_that_is_cut(there: Central, line: Line):
    ids = [new(), new()]
    line.cut("POST", "/datasets")
    there.create_entity_list("people", ["age"])
    there.create_entity_list("people", ["age", "place"])
    line.cut("POST", "/entities")
    rows = [{"uuid": one, "label": "17", "data": {"age": 30.0, "place": None}} for one in ids]
    assert there.create_entities("people", rows) == 2
    assert there.create_entities("people", rows) == 0
    found = {row["uuid"]: (row["version"], row["data"]) for row in there.entities("people")}
    assert found == dict.fromkeys(ids, (1, {"age": "30", "place": ""}))


def test_an_update_is_made_once_and_a_stale_one_is_refused(there: Central, line: Line):
    there.create_entity_list("people", ["age"])
    there.create_entities("people", [{"uuid": (one := new()), "label": "17", "data": {"age": 30}}])
    line.cut("PATCH", "/entities")
    assert there.update_entity("people", one, {"age": 31}, base_version=1) == 2
    with pytest.raises(CentralRejected) as caught:
        there.update_entity("people", one, {"age": 32}, base_version=1)
    assert caught.value.code == "409.15"
    assert [(row["version"], row["data"]) for row in there.entities("people")] == [(2, {"age": "31"})]


def test_a_listing_of_entities_goes_on_beyond_one_page(there: Central, monkeypatch):
    monkeypatch.setattr(central, "PAGE", 2)
    there.create_entity_list("people", ["age"])
    ids = {new() for _ in range(5)}
    there.create_entities("people", [{"uuid": one, "label": "17", "data": {"age": 30}} for one in ids])
    assert {row["uuid"] for row in there.entities("people")} == ids


def test_an_entity_id_is_taken_for_every_project_of_the_server(there: Central, each_central):
    there.create_entity_list("people", ["age"])
    there.create_entities("people", [{"uuid": (one := new()), "label": "17"}])
    other = each_central.settings.model_copy(update={"project": there.create_project("Panel too")})
    with Central(other, backoff=0) as connection:
        connection.create_entity_list("people", ["age"])
        with pytest.raises(CentralRejected) as caught:
            connection.create_entities("people", [{"uuid": one, "label": "17"}])
        assert connection.entities("people") == []
    each_central.call("DELETE", f"projects/{other.project}")
    assert caught.value.code == "409.3"


def changing(built: BuiltForm, entity: str, inner: str) -> str:
    node = f'<entity xmlns="{ENTITIES}" dataset="people" id="{entity}" update="1" baseVersion="1"/>'
    return answer(built, f"uuid:{new()}", inner, node)


@pytest.mark.parametrize(("ours", "conflict"), [({"place": "Vinh"}, "soft"), ({"age": "50"}, "hard")])
def test_a_tablet_that_did_not_know_our_update_makes_a_conflict(
    there: Central, each_central, tablet, ours: dict[str, str], conflict: str
):
    maker, changer = form(makes="people"), form("g", reads="people", changes="people")
    there.publish(maker)
    there.create_entity_list("people", ["age", "place"])
    there.publish(changer)
    device = tablet(given(there, "f", "g")["token"])
    device.post(creating(maker, f"uuid:{new()}", one := new()), NOW)
    (made,) = eventually(lambda: there.entities("people"))
    assert (made["uuid"], made["label"], made["version"], made["conflict"]) == (one, "17", 1, None)
    assert made["data"] == {"age": "30", "place": ""}
    assert there.update_entity("people", one, ours, base_version=1) == 2
    device.post(changing(changer, one, "<age>40</age>"), NOW)
    (after,) = eventually(lambda: [row for row in there.entities("people") if row["version"] == 3])
    assert (after["conflict"], after["data"]) == (conflict, {"age": "40", "place": ours.get("place", "")})
    assert there.update_entity("people", one, {"place": "Hue"}, base_version=3) == 4


# 5: the outbox


TODAY = date(2026, 7, 1)  # wave 2 of the inflow cases is open
TOLD = partial(Baseline, "VN-0001", "uuid:1", date(2026, 3, 5), date(2026, 1, 1), "NA000001")
BASE, NEXT = form("base", makes="returnee"), form("next", reads="returnee tracing", changes="returnee")


@pytest.fixture
def panel(there: Central, session: Session) -> str:
    """One linked case of one enumerator whose entity Central has not made yet; the id of that entity."""
    for built in (BASE, NEXT):
        if built is NEXT:
            for name, properties in outbox.LISTS.items():
                there.create_entity_list(name, properties)
        there.publish(built)
    cases.add_enumerator(session, "E1")
    plan, entity = load_plan(), new()
    sample = [Sampled("VN-0001", name="Nguyễn Thị Hoa", phone="0912000001")]
    cases.add_cases(session, sample, plan, seed=7, now=NOW, issued=date(2026, 3, 2))
    cases.settle(session, Facts(baselines=(TOLD(entity),)), plan, now=NOW, today=TODAY)
    session.commit()
    return entity


@pytest.fixture
def push(there: Central, session: Session) -> Callable[..., outbox.Pushed]:
    """Plans what Central must be told on a day and sends it."""

    def pushed(today: date = TODAY) -> outbox.Pushed:
        seed = f"{there._settings.project}/7"
        wanted = outbox.wanted(session, today, forms=("base", "next"), seed=seed)
        outbox.enqueue(session, outbox.plan_push(wanted, outbox.told(session)), NOW)
        session.commit()
        return outbox.flush(session, there, NOW)

    return pushed


@pytest.fixture
def device(push, panel: str, session: Session, tablet) -> Collect:
    """The enumerator's tablet, after a first push."""
    push()
    (key,) = session.exec(query(AppUserToken.token)).all()
    return tablet(key)


def interview(built: BuiltForm, entity: str, version: int = 0) -> str:
    """A baseline that makes the entity, or a follow-up that saw a version of it."""
    how = f'update="1" baseVersion="{version}"' if version else 'create="1"'
    label = "" if version else "<label>NA000001</label>"
    node = f'<entity xmlns="{ENTITIES}" dataset="returnee" id="{entity}" {how}>{label}</entity>'
    return answer(built, f"uuid:{new()}", f"<age>{30 + version}</age>", node)


def shown(device: Collect, name: str) -> list[dict[str, str]]:
    """The rows of an entity list on the tablet."""
    device.update(NOW)
    return list(csv.DictReader(io.StringIO((device.media("next") / f"{name}.csv").read_text("utf-8"))))


def test_what_is_pushed_waits_for_its_entity_and_then_reaches_the_tablet(
    push, device: Collect, panel: str, there: Central
):
    first = push()
    assert (first.sent, first.waiting, first.failed) == (0, 1, 0)
    assert [found.code for found in first.findings] == ["entity.not_there"]
    device.update(NOW)
    device.post(interview(BASE, panel), NOW)
    eventually(lambda: there.entities("returnee"))
    done = push()
    assert (done.sent, done.waiting, done.findings) == (1, 0, ())
    assert push() == outbox.Pushed()
    (person,), (contact,) = shown(device, "returnee"), shown(device, "tracing")
    assert (person["name"], person["label"], person["__version"]) == (panel, "NA000001", "2")
    assert (person["age"], person["assigned"], person["status"]) == ("30", "E1", "active")
    assert (person["wave_due"], person["due_from"], person["due_to"]) == ("2", "2026-06-17", "2026-08-12")
    assert (contact["phone1"], contact["assigned"], contact["label"]) == ("0912000001", "E1", "NA000001")


def test_when_the_window_is_over_the_tablet_shows_nobody_and_no_phone(
    push, device: Collect, panel: str, there: Central, session: Session
):
    device.post(interview(BASE, panel), NOW)
    eventually(lambda: there.entities("returnee"))
    push()
    later = date(2026, 9, 1)
    cases.settle(session, Facts(baselines=(TOLD(panel),)), load_plan(), now=NOW, today=later)
    assert (push(later).sent, push(later)) == (2, outbox.Pushed())
    (person,), (contact,) = shown(device, "returnee"), shown(device, "tracing")
    assert (person["assigned"], person["wave_due"], person["age"]) == ("", "", "30")
    assert (contact["phone1"], contact["assigned"]) == ("", "")


def test_a_follow_up_in_between_is_read_again_and_told_once_more(
    push, device: Collect, panel: str, there: Central, monkeypatch
):
    device.post(interview(BASE, panel), NOW)
    eventually(lambda: there.entities("returnee"))
    update = Central.update_entity

    def overtaken(self: Central, name: str, *arguments: Any, **more: Any) -> int:
        monkeypatch.setattr(Central, "update_entity", update)
        device.post(interview(NEXT, panel, version=1), NOW)
        eventually(lambda: there.entities(name)[0]["version"] == 2)
        return update(self, name, *arguments, **more)

    monkeypatch.setattr(Central, "update_entity", overtaken)
    done = push()
    assert (done.sent, [found.code for found in done.findings]) == (1, ["entity.conflict"])
    (person,) = shown(device, "returnee")
    assert (person["__version"], person["age"], person["wave_due"]) == ("3", "31", "2")


def test_pushing_over_a_line_that_is_cut_tells_everything_once(
    push, device: Collect, panel: str, there: Central, line: Line, session: Session
):
    device.post(interview(BASE, panel), NOW)
    eventually(lambda: there.entities("returnee"))
    line.cut("PATCH", "/entities/")
    assert push().sent == 1
    assert push() == outbox.Pushed()
    assert [row["version"] for row in there.entities("returnee")] == [2]
    assert {row.state for row in session.exec(query(Outbox))} == {"confirmed"}
