"""What a push decides, and that two of them come to one.

1. Form states follow the windows and close late. 2. What a tablet got is compared with what it should hold.
3. Of two accounts the one of the latest wave stands. 4. One push at a time; each effect once, on both
databases. 5. A Central that cannot limit lists is said, and nobody new is let in. 6. Our entity ids are
version 4. 7. The command looks and changes nothing.
"""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from instruments.plan import load_plan
from survey import cases, outbox
from survey.cases import Baseline, Facts, Sampled
from survey.central import Access, Central
from survey.config import Settings
from survey.errors import CentralRejected
from survey.models import Outbox, TabletCheck
from survey.outbox import Told, Write
from survey.push import Pushed, push_study, shown
from survey.push.alone import alone
from survey.push.conflicts import last_word
from survey.push.shown import Compared, Expected, Row, compare
from survey.push.states import ahead, form_states, form_writes, over

NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
TODAY = date(2026, 7, 1)  # wave 2 of the inflow cases is open
PLAN = load_plan()
FORMS = ("rm_baseline", "rm_followup", "rm_contact")


@pytest.fixture
def each_session(each_engine: Engine) -> Iterator[Session]:
    with Session(each_engine) as session:
        yield session


def panel(session: Session, today: date = TODAY, uuids: Sequence[str] = (), exits: Any = ()) -> None:
    """Three linked cases of two enumerators, settled on a day."""
    ids = list(uuids) or [f"00000000-0000-4000-8000-{n:012d}" for n in (1, 2, 3)]
    for code in ("E1", "E2"):
        cases.add_enumerator(session, code)
    rows = [Sampled(f"VN-{n:04d}", name=f"Person {n}", phone=f"0912{n:06d}") for n in (1, 2, 3)]
    cases.add_cases(session, rows, PLAN, seed=7, now=NOW, issued=date(2026, 3, 2))
    told = tuple(
        Baseline(f"VN-{n:04d}", f"uuid:{n}", date(2026, 3, 5), date(2026, 1, 1), f"NA{n:06d}", ids[n - 1])
        for n in (1, 2, 3)
    )
    cases.settle(session, Facts(baselines=told, exits=tuple(exits)), PLAN, now=NOW, today=today)
    session.commit()


# 1: form states


def states(session: Session, today: date, grace: int = 60) -> dict[str, str]:
    writes = form_writes(session, FORMS, today, grace=grace)
    return {write.subject: write.payload["state"] for write in writes}


def test_forms_are_open_while_somebody_is_to_be_visited_now_or_later(each_session: Session):
    assert states(each_session, TODAY) == dict.fromkeys(FORMS, "open")  # no case yet
    panel(each_session)
    assert states(each_session, TODAY)["rm_followup"] == "open"
    assert states(each_session, date(2026, 10, 1))["rm_followup"] == "open"  # between two waves


def test_the_baseline_closes_after_its_last_window_and_a_new_sample_opens_it_again(session: Session):
    panel(session)
    last = over(session)["rm_baseline"]
    on = {day: states(session, day)["rm_baseline"] for day in (last, last.replace(year=last.year + 1))}
    assert list(on.values()) == ["closing", "closed"]
    cases.add_cases(session, [Sampled("VN-0009")], PLAN, seed=7, now=NOW, issued=TODAY)
    assert states(session, TODAY)["rm_baseline"] == "open"


def test_windows_of_people_who_left_keep_no_form_open(session: Session):
    panel(session, exits=[cases.Exit(f"VN-{n:04d}", "died", TODAY) for n in (1, 2, 3)])
    assert "rm_followup" not in ahead(session, date(2026, 10, 1))
    assert states(session, date(2026, 10, 1))["rm_followup"] == "closing"
    assert states(session, date(2026, 10, 1))["rm_contact"] == "closing"


DAYS = st.dates(date(2026, 1, 1), date(2030, 1, 1))


@given(DAYS, DAYS, st.integers(0, 400))
def test_a_form_is_never_closed_within_its_grace(last: date, today: date, grace: int):
    state = form_states(["f"], frozenset(), {"f": last}, today, grace=grace)["f"]
    assert (state == "closed") == (grace > 0 and (today - last).days > grace)
    assert form_states(["f"], frozenset({"f"}), {"f": last}, today, grace=grace) == {"f": "open"}


def test_a_form_of_no_plan_stands_as_the_most_open_one_does():
    last = {"a": date(2026, 1, 1), "b": date(2026, 6, 1)}
    found = form_states(["a", "b", "free"], frozenset(), last, date(2026, 6, 20), grace=30)
    assert found == {"a": "closed", "b": "closing", "free": "closing"}


# 2: what a tablet got

HELD = {"name": "u1", "assigned": "E1", "wave_due": "2"}
OWN = {"u1": Row("VN-0001", {"assigned": "E1", "wave_due": "2"})}
EXPECTED = Expected({"returnee": {"E1": OWN}}, {"u1": "VN-0001", "u2": "VN-0002"}, frozenset())


def looked(*rows: dict[str, str], expected: Expected = EXPECTED, ruled: bool = True) -> Compared:
    return compare("E1", "returnee", rows, expected, ruled=ruled)


def test_what_is_as_it_should_be_is_silent():
    assert looked(HELD) == Compared("E1", "returnee", expected=1, held=1)


@pytest.mark.parametrize(
    ("row", "ruled", "alarm"),
    [
        ({"name": "u2", "assigned": "E2"}, True, ("VN-0002",)),  # somebody else's
        ({"name": "u2", "assigned": "E1"}, True, ("VN-0002",)),  # given to E1 by other hands
        ({"name": "u2", "assigned": "E1"}, False, ("VN-0002",)),  # the form would offer it
        ({"name": "u2", "assigned": "E2"}, False, ()),  # without a rule all is there, the form hides it
        ({"name": "new", "assigned": "E1"}, True, ()),  # a baseline of their own that no sync has linked
        ({"name": "new", "assigned": "E2"}, True, ("new",)),  # a baseline of somebody else
    ],
)
def test_too_much_is_what_is_not_theirs(row: dict[str, str], ruled: bool, alarm: tuple[str, ...]):
    assert looked(HELD, row, ruled=ruled).too_much == alarm


def test_too_little_and_other_values_are_told_apart_and_what_is_on_its_way_is_neither():
    assert looked().too_little == ("VN-0001",)
    assert looked(HELD | {"wave_due": "3"}).other == ("VN-0001",)
    waiting = Expected(EXPECTED.rows, EXPECTED.cases, frozenset({"u1"}))
    assert looked(expected=waiting).wrong == looked(HELD | {"wave_due": "3"}, expected=waiting).wrong == set()


def test_a_repair_tells_the_case_the_value_and_the_rule_once_more():
    wanted = [
        Write("returnee", "VN-0001", {"uuid": "u1"}, "VN-0001"),
        Write("returnee", "VN-0002", {"uuid": "u2"}, "VN-0002"),
        Write("value", "E1", {"value": "E1"}),
        Write("value", "E2", {"value": "E2"}),
        Write("access", "returnee", {}),
        Write("access", "tracing", {}),
    ]
    told = {(write.kind, write.subject): Told(4, write.payload) for write in wanted}
    found = shown.repairs([looked(), Compared("E2", "returnee", 1, 1)], wanted, told)
    assert [(number, write.kind, write.subject) for number, write in found] == [
        (5, "returnee", "VN-0001"),
        (5, "value", "E1"),
        (5, "access", "returnee"),
    ]
    assert shown.repairs([looked(HELD)], wanted, told) == []


def test_a_finding_names_cases_and_nobody():
    many = Compared("E1", "returnee", too_much=tuple(f"VN-{n:04d}" for n in range(9)))
    (found,) = shown.alarms([many])
    assert (found.level, found.where) == ("error", "tablet/E1/returnee")
    assert "9 cases (VN-0000, VN-0001, VN-0002, VN-0003, VN-0004 and 4 more)" in found.message


# 3: conflicts


def version(number: int, wave: str | None, *disputed: str, **told: str) -> dict[str, Any]:
    received = told | ({"last_wave": wave} if wave is not None else {})
    return {
        "version": number,
        "dataReceived": received,
        "data": received,
        "conflictingProperties": list(disputed) or None,
    }


def test_the_latest_wave_has_the_last_word():
    late = [version(2, "3", last_txt="c"), version(3, "2", "last_wave", "last_txt", last_txt="b")]
    assert last_word(late) == {"last_wave": "3", "last_txt": "c"}
    in_order = [version(2, "2", last_txt="b"), version(3, "3", "last_wave", "last_txt", last_txt="c")]
    assert last_word(in_order) == {}


def test_in_the_same_wave_what_came_last_stands():
    assert last_word([version(2, "3", last_txt="c"), version(3, "3", "last_txt", last_txt="d")]) == {}


def test_what_is_not_disputed_and_what_names_no_wave_is_left_alone():
    assert last_word([]) == {}
    assert last_word([version(2, None, status="x"), version(3, None, "status", status="y")]) == {}
    two = [version(2, "3", last_txt="c", last_job="k"), version(3, "2", "last_txt", last_txt="b")]
    assert last_word(two) == {"last_txt": "c"}


# 4: one push at a time


def office(engine: Engine, settings: Settings) -> Any:
    """As much of a study as a push needs."""
    return SimpleNamespace(
        engine=engine,
        settings=settings,
        seed=7,
        zone=ZoneInfo("UTC"),
        session=lambda: Session(engine),
        central=lambda: Central(settings.central, backoff=0),
    )


@pytest.fixture
def there(each_engine: Engine, central_at: Any) -> Any:
    """A study of three cases, and a Central that holds their entities and no form."""
    ids = [str(uuid.uuid4()) for _ in range(3)]
    with Session(each_engine) as session:
        panel(session, uuids=ids)
    settings = Settings(study={"forms": []}, central=central_at.settings.model_dump())
    with Central(settings.central, backoff=0) as door:
        for name, properties in outbox.LISTS.items():
            door.create_entity_list(name, properties)
        door.create_entities("returnee", [{"uuid": one, "label": one, "data": {}} for one in ids])
    return office(each_engine, settings)


def test_while_one_pushes_another_sends_nothing(there: Any):
    with alone(there.engine) as free:
        assert free
        done = push_study(there, now=NOW)
    assert [found.code for found in done.findings] == ["push.busy"]
    with there.session() as session, there.central() as door:
        assert session.exec(select(Outbox)).all() == []
        assert door.app_users() == []
    assert push_study(there, now=NOW).sent > 0
    with alone(there.engine) as free:
        assert free


PUSH = """
import json, sys, time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo
from sqlalchemy import create_engine
from sqlmodel import Session
from survey.central import Central
from survey.config import Settings
from survey.push import push_study
url, central, gate, now = sys.argv[1:]
settings = Settings(study={"forms": []}, central=json.loads(central))
engine = create_engine(url)
app = SimpleNamespace(engine=engine, settings=settings, seed=7, zone=ZoneInfo("UTC"),
                      session=lambda: Session(engine), central=lambda: Central(settings.central))
print("ready", flush=True)
while not Path(gate).exists():
    time.sleep(0.001)
done = push_study(app, now=datetime.fromisoformat(now))
print(json.dumps([done.sent, [found.code for found in done.findings]]))
"""


@pytest.mark.slow
def test_two_operators_who_push_at_once_leave_each_effect_once(there: Any, tmp_path: Path):
    plain = there.settings.central.model_dump(mode="json")
    plain["password"] = there.settings.central.password.get_secret_value()
    url = there.engine.url.render_as_string(hide_password=False)
    gate = tmp_path / "gate"
    call = [sys.executable, "-c", PUSH, url, json.dumps(plain), str(gate), NOW.isoformat()]
    both = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for one in both:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    gate.touch()
    told = [json.loads(one.communicate(timeout=120)[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    writes = 1 + 2 + 2 + 2 + 3 + 3  # the property, users, their values, rules, both entities of each case
    assert sum(sent for sent, _ in told) == writes
    with there.session() as session, there.central() as door:
        assert sorted(user["name"] for user in door.app_users()) == ["E1", "E2"]
        assert {row["version"] for row in door.entities("returnee")} == {2}
        assert {row["version"] for row in door.entities("tracing")} == {1}
        rows = session.exec(select(Outbox)).all()
        assert {row.state for row in rows} == {"confirmed"}
        assert len({row.key for row in rows}) == len(rows) == writes


# 5: an older Central


def test_a_central_without_rules_is_said_and_nobody_new_is_let_in(
    there: Any, monkeypatch: pytest.MonkeyPatch
):
    def unknown(self: Access) -> list[str]:
        raise CentralRejected("no such thing", status=404, code="404.1")

    monkeypatch.setattr(Access, "names", unknown)
    there.settings = there.settings.model_copy(
        update={"study": there.settings.study.model_copy(update={"forms": ["f"]})}
    )
    done = push_study(there, now=NOW)
    assert [found.code for found in done.findings if found.level == "error"] == ["access.unsupported"]
    with there.session() as session:
        kinds = session.exec(select(Outbox.kind).where(Outbox.state != "confirmed")).all()
    assert {"property", "value", "access", "assignment"} <= set(kinds)
    central = there.settings.central.model_copy(update={"access_rule": False})
    there.settings = there.settings.model_copy(update={"central": central})
    again = push_study(there, now=NOW)
    assert "access.unsupported" not in [found.code for found in again.findings]
    with there.session() as session:
        left = session.exec(select(Outbox.kind).where(Outbox.state != "confirmed")).all()
    assert set(left) <= {"assignment", "form_state"}  # the form is not published here


def test_a_row_that_is_not_wanted_any_more_is_not_sent_and_can_be_wanted_again(session: Session):
    write = Write("value", "E1", {"value": "E1"})
    outbox.enqueue(session, [(1, write)], NOW)
    assert outbox.drop(session, [], ["value"]) == 1
    assert session.exec(select(Outbox.state)).all() == ["confirmed"]
    assert outbox.plan_push([write], outbox.told(session)) == [(2, write)]
    assert outbox.drop(session, [write], ["value"]) == 0


# 6: ids


@given(st.integers(0, 10**9), st.text(max_size=20))
def test_our_entity_ids_are_valid_version_4_ids(seed: int, name: str):
    made = uuid.UUID(outbox.entity_id(seed, name))
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_ten_thousand_people_get_as_many_ids():
    assert len({outbox.entity_id("1/7", f"tracing/P{n:05d}") for n in range(10_000)}) == 10_000


def test_a_push_that_did_nothing_is_equal_to_none():
    assert Pushed() + Pushed(sent=1) == Pushed(sent=1)


# 7: the command


def test_the_command_shows_what_each_tablet_could_download_and_changes_nothing(revived: Any):
    told = revived.count(TabletCheck)
    last, now = revived.run("tablets", "--json"), revived.run("tablets", "--look", "--json")
    assert (last.code, now.code) == (0, 0)
    for said in (last, now):
        rows = json.loads(said.out)
        assert [(row["enumerator"], row["entity list"]) for row in rows] == [
            (code, name) for code in ("101", "102", "103") for name in outbox.LISTS
        ]
        assert [row["expected"] for row in rows] == [row["held"] for row in rows]
    assert revived.count(TabletCheck) == told > 0


def test_the_command_finds_a_case_on_the_wrong_tablet(revived: Any):
    door = revived.central
    (one, *_) = door.call("GET", "~/datasets/returnee.svc/Entities")["value"]
    path = f"~/datasets/returnee/entities/{one['__id']}?force=true"
    door.call("PATCH", path, json={"data": {"assigned": "102"}})
    said = revived.run("tablets", "--look")
    assert said.code == 3
    assert "tablet.too_much" in said.err
    assert "The next push tells it again" in said.err
