"""The outbox: planned as rows, sent at least once, effective once.

1. Planning twice plans nothing new; a value that goes and comes back is told each time. 2. Two operators
cannot plan the same write twice. 3. Sending twice sends nothing. 4. A lost reply is resolved by asking. 5. A
stale version is read again and told once more. 6. An entity not made yet waits; a refusal is a finding and
is tried again. 7. An unreachable Central loses nothing. 8. No row holds a name or a phone; who is not due is
on no tablet.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from instruments.plan import load_plan
from survey import cases, outbox
from survey.cases import Baseline, Details, Facts, Sampled
from survey.central import Central
from survey.errors import CentralRejected, CentralUnreachable
from survey.models import AppUserToken, Case, Enumerator, Outbox
from survey.outbox import Told, Write, plan_push
from survey.push import Pushed, flush
from survey.push.entities import PATIENCE

NOW = datetime(2026, 6, 1, 8, 30, tzinfo=UTC)
TODAY = date(2026, 7, 1)  # wave 2 of the inflow cases is open
PLAN = load_plan()
FORMS = ("rm_baseline", "rm_followup")


class FakeCentral:
    """The calls of `survey.central.Central` that the outbox makes, on dictionaries; a hook may fail them."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, dict[str, Any]]] = {"returnee": {}, "tracing": {}}
        self.users: dict[str, dict[str, Any]] = {}
        self.assigned: set[tuple[str, int]] = set()
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda call: None
        self.after: Callable[[str], None] = lambda call: None

    def _call(self, name: str) -> None:
        self.before(name)
        self.calls.append(name)

    def entities(self, name: str) -> list[dict[str, Any]]:
        self.before("entities")
        return [{**item, "uuid": uuid, "data": dict(item["data"])} for uuid, item in self.held[name].items()]

    def create_entities(self, name: str, entities: list[Mapping[str, Any]]) -> int:
        self._call("create_entities")
        for item in entities:
            self.held[name][item["uuid"]] = {"version": 1, "label": item["label"], "data": dict(item["data"])}
        self.after("create_entities")
        return len(entities)

    def update_entity(self, name: str, uuid: str, data: Mapping[str, Any], base_version: int) -> int:
        self._call("update_entity")
        item = self.held[name][uuid]
        if item["version"] != base_version:
            raise CentralRejected("stale", status=409, code="409.15")
        item["data"] |= data
        item["version"] += 1
        self.after("update_entity")
        return int(item["version"])

    def create_app_user(self, name: str) -> dict[str, Any]:
        self._call("create_app_user")
        number = 100 + len(self.users)
        return self.users.setdefault(name, {"id": number, "name": name, "token": f"token-{name}"})

    def assign(self, form_id: str, app_user_id: int) -> None:
        self._call("assign")
        self.assigned.add((form_id, app_user_id))


@pytest.fixture
def central() -> FakeCentral:
    return FakeCentral()


@pytest.fixture
def session(request):
    """On SQLite; on both databases for a test that asks for `each_engine`."""
    name = "each_engine" if "each_engine" in request.fixturenames else "engine"
    with Session(request.getfixturevalue(name)) as session:
        yield session


@pytest.fixture(autouse=True)
def study(session: Session, central: FakeCentral) -> None:
    """Three linked cases of two enumerators, their entities made; wave 2 is open."""
    for code in ("E1", "E2"):
        cases.add_enumerator(session, code)
    rows = [Sampled(f"VN-{n:04d}", name=f"Person {n}", phone=f"0912{n:06d}") for n in (1, 2, 3)]
    cases.add_cases(session, rows, PLAN, seed=7, now=NOW, issued=date(2026, 3, 2))
    settle(session, TODAY)
    for n in (1, 2, 3):
        central.held["returnee"][uuid_of(n)] = {
            "version": 1,
            "label": f"NA{n:06d}",
            "data": {"last_wave": "0"},
        }


def uuid_of(n: int) -> str:
    return f"00000000-0000-4000-8000-{n:012d}"


def settle(session: Session, today: date, **more: Any) -> None:
    told = tuple(
        Baseline(f"VN-{n:04d}", f"uuid:{n}", date(2026, 3, 5), date(2026, 1, 1), f"NA{n:06d}", uuid_of(n))
        for n in (1, 2, 3)
    )
    cases.settle(session, Facts(baselines=told, **more), PLAN, now=NOW, today=today)
    session.commit()


def plan(session: Session, today: date = TODAY) -> int:
    wanted = outbox.wanted(session, today, forms=FORMS, seed=7)
    count = outbox.enqueue(session, plan_push(wanted, outbox.told(session)), NOW)
    session.commit()
    return count


def states(session: Session) -> dict[str, int]:
    found = [row.state for row in session.exec(select(Outbox))]
    return {state: found.count(state) for state in sorted(set(found))}


def write(assigned: str) -> Write:
    return Write("returnee", "VN-0001", {"uuid": "u", "assigned": assigned})


def test_what_was_told_last_is_not_planned_again():
    told = {("returnee", "VN-0001"): Told(3, {"assigned": "E1", "uuid": "u"})}
    assert plan_push([write("E1")], told) == []
    assert plan_push([write("E2")], told) == [(4, write("E2"))]
    assert plan_push([write("E1")], {}) == [(1, write("E1"))]


def test_planning_twice_is_planning_once(session, each_engine):
    assert plan(session) == 2 + 4 + 3 + 3
    assert plan(session) == 0


def test_everything_arrives_and_a_second_push_does_nothing(session, central, each_engine):
    plan(session)
    first = flush(session, central, NOW)
    assert (first.sent, first.failed, first.waiting) == (12, 0, 0)
    assert states(session) == {"confirmed": 12}
    entity = central.held["returnee"][uuid_of(1)]["data"]
    assert entity == {
        "last_wave": "0",
        "assigned": "E1",
        "status": "active",
        "wave_due": "2",
        "due_from": "2026-06-17",
        "due_to": "2026-08-12",
    }
    calls = len(central.calls)
    assert plan(session) == 0
    assert flush(session, central, NOW) == Pushed()
    assert len(central.calls) == calls


def test_the_tablet_of_each_enumerator_may_fill_every_form(session, central):
    plan(session)
    flush(session, central, NOW)
    users = {row.code: row.app_user_id for row in session.exec(select(Enumerator))}
    assert central.assigned == {(form, user) for form in FORMS for user in users.values()}
    assert session.get(AppUserToken, users["E1"]).token == "token-E1"


def test_new_tracing_entities_go_in_one_request(session, central):
    plan(session)
    flush(session, central, NOW)
    assert central.calls.count("create_entities") == 1
    (shown,) = [item for item in central.held["tracing"].values() if item["label"] == "NA000001"]
    assert shown["data"]["phone1"] == "0912000001"


def test_a_value_that_goes_and_comes_back_is_told_each_time(session, central):
    for today in (TODAY, date(2026, 9, 1), TODAY):
        settle(session, today)
        plan(session, today)
        flush(session, central, NOW)
        assigned = central.held["returnee"][uuid_of(1)]["data"]["assigned"]
        assert assigned == ("" if today.month == 9 else "E1")


def test_who_is_not_due_is_given_to_nobody_and_shows_no_phone(session, central):
    plan(session)
    flush(session, central, NOW)
    settle(session, date(2026, 9, 1))
    plan(session, date(2026, 9, 1))
    flush(session, central, NOW)
    for name in ("returnee", "tracing"):
        assert {item["data"]["assigned"] for item in central.held[name].values()} == {""}
    assert {item["data"]["phone1"] for item in central.held["tracing"].values()} == {""}


def test_a_new_phone_is_told_and_stands_in_no_row(session, central):
    plan(session)
    flush(session, central, NOW)
    settle(session, TODAY, details=(Details("VN-0001", "2026-06-20", phone1="0777123456"),))
    assert plan(session) == 1
    flush(session, central, NOW)
    assert "0777123456" in {item["data"]["phone1"] for item in central.held["tracing"].values()}
    rows = " ".join(str(row.payload) for row in session.exec(select(Outbox)))
    assert not any(word in rows for word in ("0777", "0912", "Person"))


def test_two_operators_cannot_plan_the_same_write_twice(session, each_engine):
    wanted = outbox.wanted(session, TODAY, forms=FORMS, seed=7)
    seen_by_both = plan_push(wanted, outbox.told(session))
    with Session(each_engine) as other:
        outbox.enqueue(other, seen_by_both, NOW)
        other.commit()
    session.rollback()
    with pytest.raises(IntegrityError):
        outbox.enqueue(session, seen_by_both, NOW)


def test_a_lost_reply_is_resolved_by_asking(session, central, each_engine):
    plan(session)

    def lose(call: str) -> None:
        if call == "update_entity":
            raise CentralUnreachable("no reply")

    central.after = lose
    with pytest.raises(CentralUnreachable):
        flush(session, central, NOW)
    session.rollback()
    assert central.held["returnee"][uuid_of(1)]["version"] == 2
    central.after = lambda call: None
    again = flush(session, central, NOW)
    assert again.standing == 1
    assert central.held["returnee"][uuid_of(1)]["version"] == 2
    assert states(session) == {"confirmed": 12}


def test_a_central_that_is_down_loses_nothing(session, central, each_engine):
    plan(session)

    def down(call: str) -> None:
        raise CentralUnreachable("down")

    central.before = down
    with pytest.raises(CentralUnreachable):
        flush(session, central, NOW)
    session.rollback()
    assert states(session) == {"planned": 10, "sent": 2}
    central.before = lambda call: None
    flush(session, central, NOW)
    assert states(session) == {"confirmed": 12}


def test_an_entity_changed_meanwhile_is_read_again_and_told_once_more(session, central):
    plan(session)
    once = [True]

    def another_writes(call: str) -> None:
        if call == "update_entity" and once.pop() if once else False:
            item = central.held["returnee"][uuid_of(1)]
            item["version"], item["data"]["last_wave"] = 2, "1"

    central.before = another_writes
    result = flush(session, central, NOW)
    assert [f.code for f in result.findings] == ["entity.conflict"]
    data = central.held["returnee"][uuid_of(1)]["data"]
    assert (data["assigned"], data["last_wave"]) == ("E1", "1")
    assert states(session) == {"confirmed": 12}


def test_an_entity_not_made_yet_waits_without_failing(session, central):
    missing = central.held["returnee"].pop(uuid_of(2))
    plan(session)
    result = flush(session, central, NOW)
    assert result.waiting == 1
    assert [(f.level, f.code) for f in result.findings] == [("note", "entity.not_there")]
    central.held["returnee"][uuid_of(2)] = missing
    assert flush(session, central, NOW).sent == 1
    assert missing["data"]["assigned"] == "E2"


def test_an_entity_that_is_not_made_for_long_is_a_warning(session, central):
    del central.held["returnee"][uuid_of(2)]
    plan(session)
    levels = [flush(session, central, NOW).findings[0].level for _ in range(PATIENCE + 1)]
    assert levels == ["note"] * PATIENCE + ["warning"]


def test_two_projects_of_one_server_get_different_ids(session):
    ids = {
        write.payload["uuid"]
        for seed in ("1/7", "2/7")
        for write in outbox.wanted(session, TODAY, forms=FORMS, seed=seed)
        if write.kind == "tracing"
    }
    assert len(ids) == 2 * 3


def test_a_refused_write_is_a_finding_and_tried_again(session, central):
    plan(session)

    def refuse(call: str) -> None:
        if call == "assign":
            raise CentralRejected("no", status=404, code="404.1")

    central.before = refuse
    result = flush(session, central, NOW)
    assert result.failed == 4
    assert {f.code for f in result.findings} == {"push.refused"}
    central.before = lambda call: None
    assert flush(session, central, NOW).sent == 4


def test_a_later_write_overtakes_one_that_was_never_sent(session, central):
    plan(session)
    settle(session, date(2026, 9, 1))
    plan(session, date(2026, 9, 1))
    flush(session, central, NOW)
    assert central.calls.count("update_entity") == 3
    assert {item["data"]["wave_due"] for item in central.held["returnee"].values()} == {""}


def test_a_redacted_row_is_sent_no_more(session, central):
    plan(session)
    for row in session.exec(select(Outbox).where(Outbox.case_id == "VN-0001")):
        row.payload = {}
    session.commit()
    flush(session, central, NOW)
    assert "assigned" not in central.held["returnee"][uuid_of(1)]["data"]
    assert len(central.held["tracing"]) == 2


def test_our_entity_ids_are_version_4_and_do_not_show_the_case(session):
    case = session.exec(select(Case)).first()
    made = outbox.entity_id(7, f"tracing/{case.person_id}")
    assert made == outbox.entity_id(7, f"tracing/{case.person_id}")
    assert made != outbox.entity_id(8, f"tracing/{case.person_id}")
    assert (made[14], made[19] in "89ab") == ("4", True)


# Over a socket, to the stand-in, by the client that real use has.


@pytest.fixture
def there(central_at):
    """A connection to a Central that holds the entities of the three cases and an empty tracing list."""
    with Central(central_at.settings, backoff=0) as connection:
        for name, properties in outbox.LISTS.items():
            connection.create_entity_list(name, properties)
        rows = [{"uuid": uuid_of(n), "label": f"NA{n:06d}", "data": {"status": ""}} for n in (1, 2, 3)]
        connection.create_entities("returnee", rows)
        yield connection


def plan_without_forms(session: Session, today: date = TODAY) -> None:
    wanted = outbox.wanted(session, today, forms=(), seed=7)
    outbox.enqueue(session, plan_push(wanted, outbox.told(session)), NOW)
    session.commit()


def test_a_push_over_the_wire_arrives_once(session, there):
    plan_without_forms(session)
    first = flush(session, there, NOW)
    assert (first.sent, first.failed, first.waiting) == (8, 0, 0)
    due = {item["data"].get("assigned") for item in there.entities("returnee")}
    assert due == {"E1", "E2"}
    assert {item["data"]["phone1"] for item in there.entities("tracing")} == {
        "0912000001",
        "0912000002",
        "0912000003",
    }
    versions = [item["version"] for item in there.entities("returnee")]
    plan_without_forms(session)
    assert flush(session, there, NOW) == Pushed()
    assert [item["version"] for item in there.entities("returnee")] == versions


def test_a_server_that_fails_in_the_middle_is_made_good_by_the_next_push(session, there, central_at):
    plan_without_forms(session)
    central_at.standin.faults.refuse(status=503, where="entities/", method="PATCH", skip=1)
    with pytest.raises(CentralUnreachable):
        flush(session, there, NOW)
    session.rollback()
    again = flush(session, there, NOW)
    assert (again.standing, again.failed) == (1, 0)
    assert states(session) == {"confirmed": 8}
    assert {item["version"] for item in there.entities("returnee")} == {2}


def test_a_reply_lost_on_the_wire_leaves_one_version(session, there, central_at):
    plan_without_forms(session)
    central_at.standin.faults.drop_reply(where="entities/", method="PATCH")
    central_at.standin.faults.drop_reply(where="datasets/tracing/entities", method="POST")
    assert flush(session, there, NOW).failed == 0
    assert {item["version"] for item in there.entities("returnee")} == {2}
    assert len(there.entities("tracing")) == 3


def test_what_another_wrote_meanwhile_is_kept(session, there, monkeypatch):
    plan_without_forms(session)
    stale = there.entities("returnee")
    there.update_entity("returnee", uuid_of(1), {"status": "seen by a supervisor"}, 1)
    fresh = there.entities
    answers = iter([stale])
    monkeypatch.setattr(there, "entities", lambda name: next(answers, None) or fresh(name))
    result = flush(session, there, NOW)
    assert [finding.code for finding in result.findings] == ["entity.conflict"]
    assert states(session) == {"confirmed": 8}
