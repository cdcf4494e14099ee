"""What simulated people must say, filled on the real forms by the engine of Collect.

1. Every baseline and every follow-up is accepted to the end; only slips that they correct are refused.
2. No check of the form (calendar gaps, sums of costs, state against work) finds a contradiction.
3. What is told is the truth of the month of the visit: calendar, debt, plans, first job.
4. Dependent questions compare with what the tablet shows; people abroad are asked what fits them.
5. Somebody whose stay was too short is found not eligible.
6. The same visit gives the same answers; job titles stay while the job stays.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from analysis.simulate import Histories, Truth, simulate
from instruments.instrument import Instrument, lists, load
from instruments.xform import build
from survey.sandbox.respondents import (
    Attempt,
    Respondent,
    Screen,
    answer_attempt,
    answer_baseline,
    answer_followup,
)
from survey.sandbox.tablet import Filled, Tablet, uuids

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
START = (2027 - 1900) * 12 + 1
FORMS = ("rm_baseline", "rm_followup", "rm_contact")
CONTRADICTIONS = {"ehc_gap", "sp_join", "loc_chk", "state_chk", "elig_stop", "ehc_stop"}
SAVED = {
    "panel_id": "panel_id",
    "birth_y": "birth_y",
    "comm_txt": "sv_comm",
    "last_wave": "wave",
    "last_cm": "sv_last_cm",
    "last_txt": "sv_last_txt",
    "last_state": "sv_state",
    "last_state_txt": "sv_state_txt",
    "last_job": "sv_job",
    "mdebt_st": "sv_mdebt",
    "last_loc": "sv_loc",
    "con_proxy": "con_proxy",
}


@dataclass
class Interviewed:
    person: Respondent
    filled: Filled
    said: dict[str, str]
    calendar: list[dict[str, str]]


class Room:
    """A tablet with the three forms and their lists."""

    def __init__(self, folder: Path, people: Histories) -> None:
        self.folder, self.people, self.tablet = folder, people, Tablet()
        self.instruments: dict[str, Instrument] = {}
        for name in FORMS:
            instrument = self.instruments[name] = load(name)
            built = build(instrument)
            media = folder / name / "media"
            media.mkdir(parents=True)
            (folder / name / "form.xml").write_text(built.xml, encoding="utf-8")
            own = {
                "enumerators.csv": [{"name": "E01", "label": "E01", "team": "A", "langs": "vi"}],
                "psu.csv": people.area_list(),
            }
            for file in built.media:
                if file in own:
                    write(media / file, own[file])
                else:
                    (media / file).write_bytes(lists(file))

    def media(self, form: str) -> Path:
        return self.folder / form / "media"

    def fill(self, form: str, person: Respondent, answers: dict) -> Interviewed:
        when = datetime.combine(person.day, datetime.min.time(), ZONE) + timedelta(hours=10)
        filled = self.tablet.fill(
            self.folder / form / "form.xml",
            self.media(form),
            answers,
            when=when,
            ids=uuids(f"{person.truth.case_id}/{person.wave}/{form}"),
        )
        root = etree.fromstring(filled.xml.encode())
        said = {n.tag: n.text for n in root.iter() if isinstance(n.tag, str) and not len(n) and n.text}
        calendar = [{n.tag: n.text for n in period if n.text} for period in root.iter("ehc")]
        return Interviewed(person, filled, said, calendar)

    def baseline(self, truth: Truth) -> Interviewed:
        person = Respondent(truth, first_day(int(truth.facts["recruit_cm"])), 0, "s")
        screen = Screen(self.media("rm_baseline"))
        answers = answer_baseline(person, screen, self.instruments["rm_baseline"], enumerator="E01")
        return self.fill("rm_baseline", person, answers)

    def followup(self, truth: Truth, row: dict[str, str], months: int, wave: int = 1) -> Interviewed:
        person = Respondent(truth, first_day(int(row["last_cm"]) + months), wave, "s")
        screen = Screen(self.media("rm_followup"))
        answers = answer_followup(
            person, screen, self.instruments["rm_followup"], enumerator="E01", shown=row
        )
        return self.fill("rm_followup", person, answers)

    def show(self, rows: list[dict[str, str]]) -> None:
        for form in ("rm_followup", "rm_contact"):
            write(self.media(form) / "returnee.csv", rows)


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def first_day(cm: int) -> date:
    return date(1900 + (cm - 1) // 12, (cm - 1) % 12 + 1, 20)


def row_after(done: Interviewed, before: dict[str, str] | None = None) -> dict[str, str]:
    """The person's row of the entity list after the interview, as the form saves it."""
    row = {name: done.said.get(saved, "") for name, saved in SAVED.items()}
    entity = next(etree.fromstring(done.filled.xml.encode()).iter("entity"))
    kept = {"con_proxy": done.said["sv_proxy"], "birth_y": before["birth_y"]} if before else {}
    fixed = {"name": entity.get("id"), "label": row["panel_id"], "__version": "1", "assigned": "E01"}
    return fixed | row | {"rc_unit": "", "status": "", "wave_due": "1"} | kept


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(tmp_path_factory.mktemp("room"), simulate(48, seed=4, start_cm=START))


@pytest.fixture(scope="module")
def baselines(room: Room) -> list[Interviewed]:
    return [room.baseline(truth) for truth in room.people]


@pytest.fixture(scope="module")
def followups(room: Room, baselines: list[Interviewed]) -> list[tuple[dict[str, str], Interviewed]]:
    """Everybody alive who joined the panel, six and eighteen months later."""
    rows = [row_after(b) for b in baselines if 'create="1"' in b.filled.xml]
    out = []
    for months in (6, 12):
        room.show(rows)
        done = [
            (row, room.followup(truth_of(room, row), row, months)) for row in rows if lives(room, row, months)
        ]
        out += done
        rows = [row_after(f, row) for row, f in done]
    return out


def truth_of(room: Room, row: dict[str, str]) -> Truth:
    return room.people.person(int(row["panel_id"][2:]) - 1)


def lives(room: Room, row: dict[str, str], months: int) -> bool:
    truth = truth_of(room, row)
    return truth.place[truth.at(int(row["last_cm"]) + months)] != 0


def everybody(baselines, followups) -> Iterator[Interviewed]:
    yield from baselines
    yield from (f for _, f in followups)


def names(done: Interviewed) -> set[str]:
    return {path.rsplit("/", 1)[1] for path in done.filled.asked}


def test_every_interview_is_accepted_and_only_slips_are_refused(baselines, followups):
    for done in everybody(baselines, followups):
        assert done.filled.complete, (done.person.truth.case_id, done.filled.refused_at)
        assert {v.kind for v in done.filled.violations} <= {"constraint"}
        assert {v.path.rsplit("/", 1)[1] for v in done.filled.violations} <= {
            "life_sat",
            "hh_size",
            "birth_y",
            "phone1",
            "job_hours",
        }
    assert any(done.filled.violations for done in everybody(baselines, followups))


def test_no_check_of_the_form_finds_a_contradiction(baselines, followups):
    for done in everybody(baselines, followups):
        if not done.person.facts["short_stay"]:
            assert not names(done) & CONTRADICTIONS, done.person.truth.case_id


def test_the_calendar_told_is_the_truth(baselines):
    for done in baselines:
        if not done.calendar:
            continue
        truth, cm = done.person.truth, done.person.cm
        begins = int(done.said["ehc_from_cm"])
        spells = truth.spells(cm, begins)
        assert [int(p["sp_state"]) for p in done.calendar] == [s["state"] for s in spells]
        for period, spell in zip(done.calendar, spells, strict=True):
            if period["sp_beg_m"] != "98":
                assert (int(period["sp_beg_y"]) - 1900) * 12 + int(period["sp_beg_m"]) == spell["beg"]
        assert [p["sp_on"] for p in done.calendar] == ["0"] * (len(spells) - 1) + ["1"]


def test_plans_debt_and_first_job_are_the_truth(baselines, followups):
    for done in everybody(baselines, followups):
        truth, now = done.person.truth, done.person.now
        plan = done.said.get("int_plan")
        if plan in ("0", "1"):
            assert plan == str(int(truth.plan[now]))
        debt = done.said.get("mdebt_st") or done.said.get("mdebt_now")
        if debt in ("0", "1", "2", "3"):
            assert (debt == "3") == bool(truth.debt[now])
        if done.said.get("job1_any") == "1" and done.said["job1_m"] != "98":
            told = (int(done.said["job1_y"]) - 1900) * 12 + int(done.said["job1_m"])
            assert told == truth.first_job_cm


def test_prepared_means_a_concrete_step(baselines):
    for done in baselines:
        steps = set(done.said.get("int_prep", "").split())
        if done.said.get("int_plan") == "1" and not steps & {"99", ""}:
            concrete = steps & {"3", "4", "6", "7", "8", "9", "10", "11", "12", "13"}
            assert bool(concrete) == bool(done.person.truth.steps[done.person.now])


def test_a_stay_that_was_too_short_is_found_not_eligible(room):
    truth = next(t for t in simulate(200, seed=9, start_cm=START) if t.facts["short_stay"])
    done = room.baseline(truth)
    assert (done.said["elig"], done.said["res_code"]) == ("0", "4200")
    assert "con_part" not in done.said
    assert done.filled.complete


def test_nothing_sensitive_is_asked_without_consent(baselines):
    without = [b for b in baselines if b.said.get("con_sens") == "0"]
    for done in without:
        assert not names(done) & {"inc_own", "debt_amt", "life_sat", "rc_total", "job_pay", "pay_last"}
    assert without


def test_who_is_still_doing_the_same_is_not_asked_the_calendar_again(followups):
    same = [f for _, f in followups if f.said["di_state"] == "1" and f.said["cur_loc"] == "1"]
    changed = [f for _, f in followups if f.said["di_state"] == "2"]
    assert same
    assert changed
    assert all(not f.calendar for f in same if f.said.get("abr_since") != "1")
    assert all(f.calendar for f in changed)
    for done in changed:
        assert done.said["sv_state"] == str(int(done.person.truth.state[done.person.now]))


def test_people_abroad_are_asked_about_going_and_not_about_work_here(followups):
    abroad = [f for _, f in followups if f.said["cur_loc"] == "4"]
    assert abroad
    for done in abroad:
        assert done.person.truth.place[done.person.now] == 4
        assert {"rm_ctry", "rm_route"} <= set(done.said)
        assert not names(done) & {"atw_pay", "int_des", "rs_belong", "move_y", "inc_own"}
        if done.said["rm_dep_m"] != "98":
            left = (int(done.said["rm_dep_y"]) - 1900) * 12 + int(done.said["rm_dep_m"])
            assert done.person.truth.place[done.person.truth.at(left)] == 4
            assert done.person.truth.place[done.person.truth.at(left) - 1] != 4


def test_a_job_kept_is_the_same_job(followups):
    for row, done in followups:
        if done.said.get("di_job") == "1":
            assert done.said["sv_job"] == row["last_job"]
            before = done.person.truth.at(int(row["last_cm"]))
            assert done.person.truth.job[before] == done.person.truth.job[done.person.now]


def test_some_months_are_forgotten_and_some_items_withheld(baselines):
    assert any(p["sp_beg_m"] == "98" for b in baselines for p in b.calendar)
    assert any(b.said.get(name) in ("98", "99", "-98", "-99") for b in baselines for name in b.said)


def test_the_same_visit_gives_the_same_bytes(room, baselines):
    again = room.baseline(room.people.person(3))
    assert again.filled.xml == baselines[3].filled.xml


@pytest.mark.parametrize(
    ("mode", "who", "result", "place", "asked"),
    [
        (1, 1, 1100, None, set()),
        (1, 1, 2110, None, {"att_ref", "soft_ref"}),
        (1, 1, 1900, None, {"appt"}),
        (1, 2, 2240, 4, {"whereab", "wh_ctry", "wh_since_y"}),
        (1, 2, 2230, 3, {"whereab", "wh_since_y"}),
        (6, 5, 3100, None, {"whereab"}),
        (3, 0, 2220, None, set()),
        (1, 2, 4100, None, set()),
    ],
)
def test_every_kind_of_attempt_is_accepted(room, mode, who, result, place, asked):
    truth = room.people.person(0)
    day = first_day(int(truth.facts["recruit_cm"]))
    person = Respondent(truth, day, 0, "s")
    when = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(hours=10)
    attempt = Attempt(when, 2, mode, who, result, place=place, since_cm=START if place else None)
    answers = answer_attempt(person, attempt, room.instruments["rm_contact"], enumerator="E01", shown=None)
    done = room.fill("rm_contact", person, answers)
    assert done.filled.complete
    assert done.filled.violations == ()
    assert done.said["att_res"] == str(result)
    assert names(done) & {"att_ref", "soft_ref", "appt", "whereab", "wh_ctry", "wh_since_y"} == asked
