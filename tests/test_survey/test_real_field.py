"""One behaviour, two servers: app users, tablets, entities, and what is pushed to them.

Run as test_real_central.py is. 1. App users and assignments may be asked for twice. 2. Entities are written
once and their conflicts are told. 3. What is pushed waits for its entity and reaches the tablet.
"""

import csv
import io
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache, partial
from typing import Any

import pytest
from sqlmodel import Session, select

from instruments.instrument import Instrument
from instruments.plan import load_plan
from instruments.xform import BuiltForm, build
from survey import cases, outbox
from survey.cases import Baseline, Facts, Sampled
from survey.central import Central, central
from survey.errors import CentralRejected
from survey.models import AppUserToken, Outbox
from survey.push import Pushed, flush
from survey.sandbox.collect import Collect, CollectError

NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
PATIENCE = 60  # seconds; a real Central makes entities within ten when it is idle
ENTITIES = "http://www.opendatakit.org/xforms/entities"


@cache
def form(
    name: str = "f", number: str = "1", *, reads: str = "", makes: str = "", changes: str = ""
) -> BuiltForm:
    """A form of two questions, with entity lists to choose from, to make or to change."""
    age = "age" if makes or changes else ""
    survey = [["type", "name", "label", "save_to"], ["text", "case_id", "Case", ""]]
    survey += [["integer", "age", "Age", age]]
    survey += [[f"select_one_from_file {name}.csv", name, name, ""] for name in reads.split()]
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


def given(there: Central, *forms: str, name: str = "E1") -> dict[str, Any]:
    """An app user who may fill these forms."""
    user = there.create_app_user(name)
    for one in forms:
        there.assign(one, user["id"])
    return user


# 1: app users and tablets


def test_an_app_user_is_made_once_and_given_a_form_once(there: Central, line, each_central):
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


def test_a_form_that_arrived_while_its_answer_was_lost_is_sent_again_and_stands_once(
    there: Central, line, tablet
):
    there.publish(form())
    device = tablet(given(there, "f")["token"])
    device.keep("uuid:a", answer(form(), "uuid:a"))
    line.cut("POST", "/submission")
    with pytest.raises(CollectError, match="no answer"):
        device.send(NOW)
    assert len(list(there.submissions_since("f"))) == 1
    assert device.send(NOW) == 1
    assert [row["__id"] for row in there.submissions_since("f")] == ["uuid:a"]


# 2: entities


def test_entities_are_made_once_over_a_line_that_is_cut(there: Central, line):
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


def test_an_update_is_made_once_and_a_stale_one_is_refused(there: Central, line):
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


# 3: the outbox


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
def push(there: Central, session: Session) -> Callable[..., Pushed]:
    """Plans what Central must be told on a day and sends it."""

    def pushed(today: date = TODAY) -> Pushed:
        seed = f"{there._settings.project}/7"
        wanted = outbox.wanted(session, today, forms=("base", "next"), seed=seed)
        outbox.enqueue(session, outbox.plan_push(wanted, outbox.told(session)), NOW)
        session.commit()
        return flush(session, there, NOW)

    return pushed


@pytest.fixture
def device(push, panel: str, session: Session, tablet) -> Collect:
    """The enumerator's tablet, after a first push."""
    push()
    (key,) = session.exec(select(AppUserToken.token)).all()
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
    assert push() == Pushed()
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
    assert (push(later).sent, push(later)) == (2, Pushed())
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
    push, device: Collect, panel: str, there: Central, line, session: Session
):
    device.post(interview(BASE, panel), NOW)
    eventually(lambda: there.entities("returnee"))
    line.cut("PATCH", "/entities/")
    assert push().sent == 1
    assert push() == Pushed()
    assert [row["version"] for row in there.entities("returnee")] == [2]
    assert {row.state for row in session.exec(select(Outbox))} == {"confirmed"}
