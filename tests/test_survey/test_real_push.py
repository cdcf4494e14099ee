"""The push of a study, on two servers: what each tablet may see, form states, conflicts, lost replies.

Run as test_real_central.py is. 1. A tablet downloads its enumerator's cases and no others. 2. What somebody
changes in Central is noticed, alarmed and made good. 3. A lost reply to any kind of write leaves one effect.
4. A form closes late, and a tablet that was offline loses nothing. 5. Conflicts are settled by the rule.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from sqlmodel import Session, select

from instruments.instrument import Instrument
from instruments.plan import load_plan
from instruments.xform import BuiltForm, build
from survey import cases, outbox
from survey.cases import Baseline, Facts, Sampled
from survey.central import Central, Rule, Tablets
from survey.config import Settings
from survey.errors import CentralRejected, CentralUnreachable
from survey.models import AppUserToken, Enumerator, Outbox, TabletCheck
from survey.push import Pushed
from survey.push.access import RULE
from survey.push.study import push as push_all
from survey.sandbox.collect import Collect, CollectError

NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
TODAY = date(2026, 7, 1)  # wave 2 of the inflow cases is open
LATER = date(2026, 9, 1)  # no window is open, more are to come
FORMS = ("rm_followup", "rm_contact")
ENTITIES = "http://www.opendatakit.org/xforms/entities"


@cache
def form(name: str) -> BuiltForm:
    """A small form under a name that the plan knows, with both lists attached."""
    survey = [["type", "name", "label", "save_to"], ["text", "last_wave", "Wave", "last_wave"]]
    survey += [["text", "last_txt", "Told", "last_txt"]]
    survey += [
        [f"select_one_from_file {entity_list}.csv", entity_list, entity_list, ""]
        for entity_list in outbox.LISTS
    ]
    settings = [["form_title", "form_id", "version"], [name, name, "1"]]
    entities = [["list_name", "entity_id"], ["returnee", "${returnee}"]]
    return build(Instrument.from_sheets({"survey": survey, "settings": settings, "entities": entities}))


class Study:
    """Three cases of two enumerators in one project, everything published, pushed whenever it is told."""

    def __init__(self, session: Session, there: Central, each_central: Any) -> None:
        self.session, self.there, self.project = session, there, each_central.project
        self.uuids = {f"VN-{n:04d}": str(uuid.uuid4()) for n in (1, 2, 3)}
        central = there._settings
        self.settings = Settings(study={"forms": list(FORMS)}, central=central.model_dump())
        self.plan = load_plan()
        for code in ("E1", "E2"):
            cases.add_enumerator(session, code)
        rows = [Sampled(case, name=f"Person {case}", phone=f"0912{case[-4:]}") for case in self.uuids]
        cases.add_cases(session, rows, self.plan, seed=7, now=NOW, issued=date(2026, 3, 2))
        self.settle(TODAY)
        for name, properties in outbox.LISTS.items():
            there.create_entity_list(name, (*properties, "last_wave", "last_txt"))
        for name in FORMS:
            body, kind = form(name).xml.encode(), {"Content-Type": "application/xml"}
            each_central.call("POST", "~/forms?publish=true&ignoreWarnings=true", data=body, headers=kind)
        given = [{"uuid": key, "label": case, "data": {"status": ""}} for case, key in self.uuids.items()]
        there.create_entities("returnee", given)

    def settle(self, today: date) -> None:
        """Bring cases and windows to a day."""
        told = tuple(
            Baseline(case, f"uuid:{case}", date(2026, 3, 5), date(2026, 1, 1), f"NA{case[-4:]}", key)
            for case, key in self.uuids.items()
        )
        cases.settle(self.session, Facts(baselines=told), self.plan, now=NOW, today=today)
        self.session.commit()

    def push(self, today: date = TODAY, **central: Any) -> Pushed:
        """Plan, send, look at the tablets."""
        changed = self.settings.central.model_copy(update=central)
        settings = self.settings.model_copy(update={"central": changed})
        now = NOW + timedelta(days=(today - TODAY).days)
        with Tablets(settings.central) as tablets:
            return push_all(self.session, self.there, tablets, settings, seed=7, today=today, now=now)

    def codes(self, done: Pushed) -> list[str]:
        return [finding.code for finding in done.findings]

    @property
    def tokens(self) -> dict[str, str]:
        query = select(Enumerator.code, AppUserToken.token).where(
            AppUserToken.app_user_id == Enumerator.app_user_id
        )
        return dict(self.session.exec(query).all())

    def shown(self, code: str) -> dict[str, set[str]]:
        """The cases that a tablet may download now, by list."""
        with Tablets(self.settings.central) as tablets:
            got = tablets.holds(self.tokens[code], FORMS, outbox.LISTS) or {}
        of = {key: case for case, key in self.uuids.items()}
        of |= {write.payload["uuid"]: write.subject for write in self.wanted() if write.kind == "tracing"}
        return {name: {of[row["name"]] for row in rows} for name, rows in got.items()}

    def wanted(self) -> list[outbox.Write]:
        return outbox.wanted(self.session, TODAY, forms=FORMS, seed=f"{self.project}/7")

    def own(self, code: str) -> set[str]:
        return {item.case_id for item in cases.due(self.session, TODAY) if item.enumerator == code}


@pytest.fixture
def study(session: Session, there: Central, each_central: Any) -> Study:
    return Study(session, there, each_central)


@pytest.fixture
def pushed(study: Study) -> Study:
    first = study.push()
    assert (first.waiting, first.failed, first.findings) == (0, 0, ())
    return study


def answer(entity: str, version: int, wave: int, told: str, name: str = "rm_followup") -> str:
    """A filled follow-up that saw a version of the entity."""
    node = f'<entity xmlns="{ENTITIES}" dataset="returnee" id="{entity}" update="1" baseVersion="{version}"/>'
    return (
        f'<data id="{name}" version="{form(name).version}">'
        f"<last_wave>{wave}</last_wave><last_txt>{told}</last_txt>"
        f"<meta>{node}<instanceID>uuid:{uuid.uuid4()}</instanceID></meta></data>"
    )


# 1: who sees whom


def test_a_tablet_downloads_its_own_cases_and_no_others(pushed: Study, there: Central):
    for code in ("E1", "E2"):
        assert pushed.shown(code) == dict.fromkeys(outbox.LISTS, pushed.own(code))
        assert pushed.own(code)
    assert there.access.rules("returnee") == there.access.rules("tracing") == [RULE]
    checks = pushed.session.exec(select(TabletCheck)).all()
    assert {(row.enumerator, row.entity_list, row.expected == row.held) for row in checks} == {
        (code, name, True) for code in ("E1", "E2") for name in outbox.LISTS
    }


def test_a_second_push_sends_nothing_and_changes_no_version(pushed: Study, there: Central):
    before = [row["version"] for row in there.entities("returnee")]
    assert pushed.push() == Pushed()
    assert [row["version"] for row in there.entities("returnee")] == before == [2, 2, 2]


def test_when_nobody_is_due_the_tablets_hold_nobody(pushed: Study):
    pushed.settle(LATER)
    assert pushed.push(LATER).findings == ()
    assert pushed.shown("E1") == pushed.shown("E2") == {"returnee": set(), "tracing": set()}


def test_without_the_rule_only_what_the_forms_offer_is_compared(study: Study, there: Central):
    assert study.push(access_rule=False).findings == ()
    assert there.access.rules("returnee") == []
    assert study.shown("E1")["returnee"] == set(study.uuids)
    assert {row.held for row in study.session.exec(select(TabletCheck))} == {1, 2}


def test_a_rule_by_an_unknown_property_is_not_believed(pushed: Study, there: Central):
    with pytest.raises(CentralRejected) as caught:
        there.access.limit("returnee", Rule("assigned", "district"))
    assert caught.value.code == "rule.lost"
    assert there.access.rules("returnee") == []
    assert pushed.codes(pushed.push()) == ["push.changed"]
    assert there.access.rules("returnee") == [RULE]


# 2: what somebody changes in Central


def test_a_case_given_away_in_central_is_an_alarm_and_is_taken_back(pushed: Study, there: Central):
    case = min(pushed.own("E1"))
    key = pushed.uuids[case]
    there.update_entity("returnee", key, {"assigned": "E2"}, base_version=2)
    done = pushed.push()
    assert [(found.level, found.code, found.where) for found in done.findings] == [
        ("error", "tablet.too_much", "tablet/E2/returnee"),
        ("warning", "tablet.repaired", "tablet/E1/returnee"),
    ]
    assert case in done.findings[0].message
    assert pushed.shown("E1")["returnee"] == pushed.own("E1")
    assert pushed.shown("E2")["returnee"] == pushed.own("E2")
    kept = pushed.session.exec(select(TabletCheck).where(TabletCheck.enumerator == "E2")).all()
    assert [row.too_much for row in kept if row.entity_list == "returnee"] == [[], [case], []]
    assert pushed.push() == Pushed()


def test_a_date_changed_in_central_is_set_right(pushed: Study, there: Central):
    case = min(pushed.own("E2"))
    there.update_entity("returnee", pushed.uuids[case], {"due_to": "2030-01-01"}, base_version=2)
    assert pushed.codes(pushed.push()) == ["tablet.repaired"]
    (row,) = [row for row in there.entities("returnee") if row["uuid"] == pushed.uuids[case]]
    assert row["data"]["due_to"] == "2026-08-12"


@pytest.mark.parametrize("how", ["rule", "value", "state", "assignment"])
def test_what_was_undone_in_central_is_told_again(pushed: Study, there: Central, each_central, how: str):
    user = pushed.session.exec(select(Enumerator.app_user_id).where(Enumerator.code == "E1")).one()
    undone = {
        "rule": ("PATCH", "~/datasets/tracing", {"accessFilter": None}),
        "value": ("PATCH", f"~/app-users/{user}", {"properties": {"enumerator": "E2"}}),
        "state": ("PATCH", "~/forms/rm_followup", {"state": "closed"}),
        "assignment": ("DELETE", f"~/forms/rm_contact/assignments/2/{user}", None),
    }
    method, path, body = undone[how]
    each_central.call(method, path, **({"json": body} if body else {}))
    done = pushed.push()
    assert (pushed.codes(done), done.sent) == (["push.changed"], 1)
    assert pushed.shown("E1") == dict.fromkeys(outbox.LISTS, pushed.own("E1"))
    assert pushed.push() == Pushed()


def test_a_key_that_was_revoked_is_said(pushed: Study, there: Central):
    user = pushed.session.exec(select(Enumerator.app_user_id).where(Enumerator.code == "E1")).one()
    there.revoke(user)
    assert pushed.codes(pushed.push()) == ["tablet.refused"] * 2


# 3: lost replies


KINDS = {
    "property": ("POST", "/actor-properties"),
    "app_user": ("POST", "/app-users"),
    "value": ("PATCH", "/app-users/"),
    "access": ("PATCH", "/datasets/tracing"),
    "assignment": ("POST", "/assignments/"),
    "returnee": ("PATCH", "/returnee/entities/"),
    "tracing": ("POST", "/tracing/entities"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_reply_leaves_one_effect(study: Study, there: Central, line, each_central, kind: str):
    line.cut(*KINDS[kind])
    try:
        study.push()
    except CentralUnreachable:
        study.session.rollback()
        study.push()
    assert line.cuts == []
    assert study.push() == Pushed()
    assert sorted(user["name"] for user in there.app_users()) == ["E1", "E2"]
    assert len(there.assignments()) == 2 * len(FORMS)
    assert {row["version"] for row in there.entities("returnee")} == {2}
    assert {row["version"] for row in there.entities("tracing")} == {1}
    assert there.access.names() == ["enumerator"]
    assert {row.state for row in study.session.exec(select(Outbox))} == {"confirmed"}


def test_a_lost_reply_to_a_form_state_leaves_that_state(pushed: Study, there: Central, line):
    over = date(2046, 3, 1)
    pushed.settle(over)
    line.cut("PATCH", "/forms/")
    pushed.push(over, grace_days=0)
    assert there.form_states() == dict.fromkeys(FORMS, "closing")


# 4: form states


def test_a_form_closes_late_and_an_offline_tablet_loses_nothing(
    pushed: Study, there: Central, tablet: Callable[[str], Collect]
):
    device = tablet(pushed.tokens["E1"])
    device.update(NOW)
    key = pushed.uuids[min(pushed.own("E1"))]
    for number in (1, 2):
        device.keep(f"uuid:{number}", answer(key, 2, wave=2, told=f"interview {number}"))
    last = date(2046, 3, 1)  # every window of the plan is over
    pushed.settle(last)
    pushed.push(last, grace_days=100_000)
    assert there.form_states() == dict.fromkeys(FORMS, "closing")
    assert device.form_list(NOW) == []
    assert device.send(NOW, most=1) == 1  # offered no more, and yet taken
    pushed.push(last)
    assert there.form_states() == dict.fromkeys(FORMS, "closed")
    with pytest.raises(CollectError, match="409"):
        device.send(NOW)
    assert len(device.unsent()) == 1
    pushed.push(last, grace_days=100_000)
    assert device.send(NOW) == 1
    assert len(list(there.submissions_since("rm_followup"))) == 2


# 5: conflicts


def eventually(what: Callable[[], Any]) -> Any:
    """What comes true once Central's worker has been there."""
    from time import monotonic, sleep

    until = monotonic() + 60
    while not (found := what()) and monotonic() < until:
        sleep(0.2)
    assert found
    return found


@pytest.fixture
def device(pushed: Study, tablet: Callable[[str], Collect]) -> Collect:
    """The tablet of the enumerator who has the first case, up to date."""
    made = tablet(pushed.tokens["E1"])
    made.update(NOW)
    return made


def entity(study: Study, version: int) -> dict[str, Any]:
    """The first case's entity once it is at this version."""
    key = study.uuids[min(study.own("E1"))]

    def found() -> list[dict[str, Any]]:
        rows = study.there.entities("returnee")
        return [row for row in rows if (row["uuid"], row["version"]) == (key, version)]

    return dict(eventually(found)[0])


def test_a_tablet_that_did_not_know_our_update_makes_a_soft_conflict_that_is_settled(
    pushed: Study, device: Collect
):
    key = pushed.uuids[min(pushed.own("E1"))]
    device.post(answer(key, 1, wave=2, told="from before the push"), NOW)
    assert entity(pushed, 3)["conflict"] == "soft"
    assert pushed.codes(pushed.push()) == ["entity.soft_conflict"]
    assert entity(pushed, 3)["conflict"] is None
    assert pushed.push() == Pushed()


def test_of_two_interviews_the_later_wave_stands_whichever_comes_last(pushed: Study, device: Collect, line):
    key = pushed.uuids[min(pushed.own("E1"))]
    device.post(answer(key, 2, wave=3, told="wave three"), NOW)
    entity(pushed, 3)
    device.post(answer(key, 2, wave=2, told="wave two, from a tablet long offline"), NOW)
    late = entity(pushed, 4)
    assert (late["conflict"], late["data"]["last_txt"]) == ("hard", "wave two, from a tablet long offline")
    line.cut("PATCH", "/entities/")
    done = pushed.push()
    assert [(found.level, found.code) for found in done.findings] == [("warning", "entity.hard_conflict")]
    after = entity(pushed, 5)
    assert after["conflict"] is None
    assert (after["data"]["last_wave"], after["data"]["last_txt"]) == ("3", "wave three")
    assert pushed.push() == Pushed()
    rows = pushed.session.exec(select(Outbox).where(Outbox.kind == "conflict")).all()
    assert [row.state for row in rows] == ["confirmed"]
    assert "wave" not in str(rows[0].payload).replace("last_wave", "")
