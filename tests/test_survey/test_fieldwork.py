"""What the field must do, over the stand-in on a real socket.

1. Every attempt files the contact form, an interview follows only where somebody was reached and agreed.
2. New cases come from the printed list in their days, panel members only if assigned, due, in their window.
3. A case is tried on different days, at most eight times, and not again after an interview or a hard refusal.
4. Seed alone decides: the number of workers changes no byte, and the posts follow time over the whole crew.
5. A server that is down loses nothing.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests

from analysis.simulate import Histories, simulate
from instruments.instrument import lists, load
from instruments.xform import build
from survey.sandbox.central import StandIn, serve
from survey.sandbox.collect import Collect, CollectError
from survey.sandbox.encounters import MOST, encounter, is_over
from survey.sandbox.fieldwork import Enumerator, Field, FieldworkError, outcomes, plan_visits, targets, work
from survey.sandbox.pool import Pool
from survey.sandbox.respondents import Attempt, Respondent

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
START = (2027 - 1900) * 12 + 1
FORMS = ("rm_baseline", "rm_followup", "rm_contact")
PROPERTIES = (
    "panel_id birth_y comm_txt last_wave last_cm last_txt last_state last_state_txt last_job mdebt_st "
    "last_loc con_proxy rc_unit assigned status wave_due due_from due_to"
)
TRACING = "panel_id phone1 c1_name c1_phone assigned"


@pytest.fixture(scope="module")
def people() -> Histories:
    return simulate(16, seed=8, start_cm=START, recruit_months=1)


@pytest.fixture(scope="module")
def setting(people: Histories) -> Field:
    return Field.of(people, [load(form) for form in FORMS], zone=ZONE, seed="s")


@dataclass
class Study:
    """A stand-in with the forms published, and the office's account on it."""

    url: str
    session: requests.Session
    standin: StandIn
    people: Histories

    def ask(self, method: str, path: str, **what: object) -> requests.Response:
        reply = self.session.request(method, f"{self.url}/v1/projects/1{path}", timeout=20, **what)
        reply.raise_for_status()
        return reply

    def prepare(self) -> None:
        for name, properties in (("returnee", PROPERTIES), ("tracing", TRACING)):
            self.ask("POST", "/datasets", json={"name": name})
            for each in properties.split():
                self.ask("POST", f"/datasets/{name}/properties", json={"name": each})
        own = {"enumerators.csv": enumerators(), "psu.csv": self.people.area_list()}
        for form in FORMS:
            built = build(load(form))
            xml = {"data": built.xml.encode(), "headers": {"Content-Type": "application/xml"}}
            self.ask("POST", "/forms?publish=false", **xml)
            for file in built.media:
                data = table(own[file]) if file in own else lists(file)
                headers = {"Content-Type": "text/csv"}
                self.ask("POST", f"/forms/{form}/draft/attachments/{file}", data=data, headers=headers)
            self.ask("POST", f"/forms/{form}/draft/publish")

    def enumerator(self, code: str, folder: Path, cases: slice = slice(None)) -> Enumerator:
        user = self.ask("POST", "/app-users", json={"displayName": code}).json()
        for form in FORMS:
            self.ask("POST", f"/forms/{form}/assignments/app-user/{user['id']}")
        base = f"{self.url}/v1/key/{user['token']}/projects/1"
        collect = Collect(base, folder / code, device=f"collect:{code}", session=self.session)
        return Enumerator(code, collect, self.people.sample_list()[cases])

    def received(self, form: str) -> list[dict]:
        return self.ask("GET", f"/forms/{form}/submissions").json()

    def members(self) -> list[dict]:
        return self.ask("GET", "/datasets/returnee.svc/Entities").json()["value"]


def enumerators() -> list[dict[str, str]]:
    return [{"name": code, "label": code, "team": "A", "langs": "vi"} for code in ("E01", "E02")]


def table(rows: list[dict[str, str]]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def standing(folder: Path, people: Histories) -> Iterator[Study]:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    standin = StandIn(folder / "central.db", email="a@b.org", password="a long one", clock=lambda: now)
    with serve(standin) as served, requests.Session() as session:
        account = {"email": "a@b.org", "password": "a long one"}
        reply = session.post(f"{served.url}/v1/sessions", json=account, timeout=10)
        session.headers["Authorization"] = f"Bearer {reply.json()['token']}"
        session.post(f"{served.url}/v1/projects", json={"name": "Panel"}, timeout=10).raise_for_status()
        study = Study(served.url, session, standin, people)
        study.prepare()
        yield study
    standin.close()


@pytest.fixture
def study(tmp_path: Path, people: Histories) -> Iterator[Study]:
    yield from standing(tmp_path, people)


def test_attempts_interviews_and_the_panel_list_fit_together(study, setting, tmp_path):
    crew = [study.enumerator("E01", tmp_path, slice(0, 8)), study.enumerator("E02", tmp_path, slice(8, 16))]
    with Pool(1) as pool:
        done = work(crew, date(2027, 1, 1), date(2027, 2, 26), setting=setting, pool=pool)
    attempts, baselines = study.received("rm_contact"), study.received("rm_baseline")
    assert (len(attempts), len(baselines)) == (done.attempts, done.interviews)
    assert done.sent == done.attempts + done.interviews
    results = Counter(result for enumerator in crew for result in outcomes(enumerator).values())
    assert sum(results[code] for code in (1100, 1200, 4200)) == len(baselines)
    assert sum(results.values()) == 16
    members = study.members()
    assert 0 < len(members) <= len(baselines)
    assert {m["assigned"] for m in members} == {"E01", "E02"}

    due = {m["panel_id"] for m in members[::2]}
    for member in members[::2]:
        data = {"wave_due": "1", "due_from": "2027-03-01", "due_to": "2027-04-20"}
        study.ask("PATCH", f"/datasets/returnee/entities/{member['__id']}?force=true", json={"data": data})
    with Pool(1) as pool:
        work(crew, date(2027, 3, 1), date(2027, 4, 30), setting=setting, pool=pool)
    tried = {case for enumerator in crew for case, wave in enumerator.notes if wave == 1}
    assert tried == due
    after = {m["panel_id"]: m for m in study.members()}
    came = {case for e in crew for (case, wave), r in outcomes(e).items() if wave == 1 and r in (1100, 1200)}
    assert came
    assert {case for case, m in after.items() if m["last_wave"] == "1"} == came
    assert len(study.received("rm_followup")) == len(came)


def test_workers_change_no_byte_and_posts_follow_time(study, setting, people, tmp_path):
    sent: dict[int, list[tuple[str, str]]] = {}
    for workers in (1, 2):
        crew = [
            study.enumerator("E01", tmp_path / str(workers), slice(0, 2)),
            study.enumerator("E02", tmp_path / str(workers), slice(2, 4)),
        ]
        posted: list[tuple[str, str]] = []
        for enumerator in crew:
            enumerator.collect.post = lambda xml, now, posted=posted: posted.append((now.isoformat(), xml))
        with Pool(workers) as pool:
            work(crew, date(2027, 1, 1), date(2027, 1, 15), setting=setting, pool=pool)
        sent[workers] = posted
    assert sent[1] == sent[2]
    assert len(sent[1]) > 4


def test_a_server_that_is_down_loses_nothing(study, setting, tmp_path):
    crew = [study.enumerator("E01", tmp_path, slice(0, 4))]
    days = (date(2027, 1, 1), date(2027, 1, 25))
    study.standin.faults.refuse(where="submission", method="POST", skip=2)
    with Pool(1) as pool:
        with pytest.raises(CollectError, match="503"):
            work(crew, *days, setting=setting, pool=pool)
        waiting = len(crew[0].collect.unsent())
        assert waiting > 0
        arrived = len(study.received("rm_contact")) + len(study.received("rm_baseline"))
        work(crew, days[1] + timedelta(days=1), days[1] + timedelta(days=1), setting=setting, pool=pool)
    total = len(study.received("rm_contact")) + len(study.received("rm_baseline"))
    assert total >= arrived + waiting
    assert crew[0].collect.unsent() == []


def test_a_form_that_cannot_be_finished_is_named_without_answers(study, setting, tmp_path):
    short = replace(setting, people={k: with_no_name(v) for k, v in setting.people.items()})
    with (
        Pool(1) as pool,
        pytest.raises(FieldworkError, match=r"rm_baseline of VN-\d+, wave 0: .*full_name required"),
    ):
        work(
            [study.enumerator("E01", tmp_path)], date(2027, 1, 1), date(2027, 1, 20), setting=short, pool=pool
        )


def with_no_name(truth):
    return replace(truth, name="")


def listed(folder: Path, rows: list[dict[str, str]]) -> Enumerator:
    """An enumerator whose tablet holds this entity list; nothing is sent in these tests."""
    collect = Collect("http://127.0.0.1:9/v1/key/k/projects/1", folder, session=requests.Session())
    collect.media("rm_followup").mkdir(parents=True)
    (collect.media("rm_followup") / "returnee.csv").write_bytes(table(rows))
    return Enumerator("E01", collect)


MEMBER = {
    "name": "u-1",
    "panel_id": "VN000001",
    "assigned": "E01",
    "wave_due": "2",
    "due_from": "2027-05-01",
    "due_to": "2027-06-01",
}


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, True),
        ({"assigned": "E02"}, False),
        ({"wave_due": ""}, False),
        ({"due_from": "2027-05-21"}, False),
        ({"due_to": "2027-05-09"}, False),
        ({"due_from": "2027-05-20"}, True),
        ({"due_to": "2027-05-10"}, True),
    ],
)
def test_panel_members_are_visited_if_assigned_due_and_in_their_window(tmp_path, change, shown):
    enumerator = listed(tmp_path, [MEMBER | change])
    found = targets(enumerator, date(2027, 5, 10), date(2027, 5, 20))
    assert [t.case_id for t in found] == (["VN000001"] if shown else [])
    enumerator.collect._session.close()


def attempts_of(people: Histories, i: int, wave: int, months: int) -> list[Attempt]:
    """All attempts at a person in a wave that begins `months` after recruitment, two days apart."""
    truth = people.person(i)
    cm = int(truth.facts["recruit_cm"]) + months
    day = date(1900 + (cm - 1) // 12, (cm - 1) % 12 + 1, 1)
    done: list[Attempt] = []
    while not is_over(done):
        when = datetime(day.year, day.month, day.day, 10, tzinfo=ZONE)
        done.append(encounter(Respondent(truth, day, wave, "s"), when, done))
        day += timedelta(days=2)
    return done


def test_a_case_is_tried_at_most_eight_times_and_not_after_it_is_over():
    many = simulate(150, seed=2, start_cm=START)
    for i in range(len(many)):
        done = attempts_of(many, i, 1, 9)
        assert 1 <= len(done) <= MOST
        assert [a.number for a in done] == list(range(1, len(done) + 1))
        assert not any(is_over(done[:k]) for k in range(1, len(done)))


def test_what_attempts_find_is_what_is_true():
    many = simulate(400, seed=2, start_cm=START)
    seen: Counter[int] = Counter()
    for i in range(len(many)):
        truth = many.person(i)
        last = attempts_of(many, i, 1, 14)[-1]
        now = truth.at((last.when.year - 1900) * 12 + last.when.month)
        seen[last.result] += 1
        if last.result == 4100:
            assert truth.place[now] == 0
        if last.result in (1100, 1200, 2110):
            assert truth.place[now] != 0
            assert not truth.lost[now]
        if last.place == 4:
            assert truth.place[now] == 4
        if truth.lost[now] and truth.place[now]:
            assert last.result in (2220, 2240, 3100, 3200)
    assert {1100, 2110, 2240, 3200} <= set(seen)
    assert seen[1100] > 0.6 * len(many)


def test_attempts_of_a_case_fall_on_different_days(people, setting, tmp_path):
    enumerator = Enumerator("E01", Collect("http://127.0.0.1:9/v1/key/k/projects/1", tmp_path))
    enumerator.sample = people.sample_list()
    (enumerator.collect.media("rm_baseline")).mkdir(parents=True)
    (enumerator.collect.media("rm_baseline") / "vn_commune.csv").write_bytes(lists("vn_commune.csv"))
    visits = plan_visits(enumerator, date(2027, 1, 1), date(2027, 2, 26), setting)
    for attempts in enumerator.notes.values():
        days = [a.when.date() for a in attempts]
        assert len(set(days)) == len(days)
    assert all(date(2027, 1, 1) <= v.when.date() <= date(2027, 2, 26) for v in visits)
    assert plan_visits(enumerator, date(2027, 1, 1), date(2027, 1, 7), setting) == []
    enumerator.collect._session.close()
