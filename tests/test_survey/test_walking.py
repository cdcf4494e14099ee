"""Walks through a form: everything asked once, or said why not. Requirements:

1. A question behind conditions that contradict each other is told, with its place and the condition that was
   never met; the command leaves with 3. One that the interviews were too few for is a warning.
2. Every question of every shipped form can be reached, nothing is lost, and no path takes over 60 minutes.
3. A path over the budget is named with its modules.
4. The same seed gives the same interviews; results come as table, CSV and JSON, by form or by question.
5. Steering finds answers through calculations, look-ups in lists, filters and constraints.
6. Made-up lists hold what filters and routing look for; texts match the pattern that a form asks for.
"""

import csv
import io
import json
import random
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from instruments.expressions import branches, holds, value
from instruments.instrument import forms, load
from instruments.length import minutes_of, read_paths
from instruments.sheets import Table, write_folder
from survey import cli
from survey.sandbox.walks import report
from survey.sandbox.walks.caselists import case_lists
from survey.sandbox.walks.domains import Domains, matching
from survey.sandbox.walks.walking import walk

NOW = datetime(2031, 3, 14, 2, 30, tzinfo=UTC)
HEADINGS = ["type", "name", "label::English (en)", "relevant", "calculation", "required", "codebook::module"]
CHOICES: Table = [
    ["list_name", "name", "label::English (en)"],
    *(["yn", code, f"Answer {code}"] for code in ("1", "0")),
]
HALF_HIDDEN = [
    ["select_one yn", "works", "Works?", "", "", "yes", ""],
    ["begin_group", "job", "Job", "${works} = 1", "", "", "job"],
    ["integer", "hours", "Hours?", "", "", "yes", ""],
    ["text", "secret", "Never asked", "${works} = 0", "", "", ""],
    ["end_group", "", "", "", "", "", ""],
    ["begin_group", "ghost", "Ghost", "${works} = 1 and ${works} = 0", "", "", "ghost"],
    ["note", "boo", "Boo", "", "", "", ""],
    ["end_group", "", "", "", "", "", ""],
]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SURVEY_SETTINGS", raising=False)


def run(*arguments: object) -> int:
    return cli.run(["instrument", "walk", *(str(one) for one in arguments)], clock=lambda: NOW)


@pytest.fixture
def half_hidden(tmp_path: Path) -> Path:
    settings = [["form_id", "form_title", "version"], ["half", "Half hidden", "1"]]
    sheets = {"survey": [HEADINGS, *HALF_HIDDEN], "choices": CHOICES, "settings": settings}
    write_folder(sheets, tmp_path / "half")
    return tmp_path / "half"


def test_a_question_nobody_can_be_asked_is_told_with_its_condition(half_hidden: Path, capfd) -> None:  # 1
    assert run(half_hidden, "--interviews", 12, "--json") == 3
    told = capfd.readouterr()
    (row,) = json.loads(told.out)
    assert (row["questions"], row["asked"], row["share"]) == (4, 2, "50.0%")
    assert row["never_asked"] == "secret boo"
    assert "half: survey row 5 (secret): No interview got here" in told.err
    assert "it is asked only if ${works} = 0" in told.err
    assert "the group ghost is asked only if ${works} = 1 and ${works} = 0" in told.err


def test_too_few_interviews_are_no_proof(half_hidden: Path, capfd) -> None:  # 1
    assert run(half_hidden, "--interviews", 2) == 0
    assert "The interviews were too few to get here" in capfd.readouterr().err


@pytest.mark.parametrize("form", forms())
def test_every_question_of_the_shipped_forms_is_reached(walker, form: str) -> None:  # 2
    done = walk(walker(form), 120, read_paths()[form], until_all_asked=True)
    assert [one.name for one in done.unasked] == []
    assert report.findings(done) == []
    assert done.complete >= 0.5 * len(done.held)
    assert done.longest is not None
    assert done.longest.minutes == pytest.approx(minutes_of(done.instrument, done.longest.asked), abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("form", forms())
def test_many_interviews_lose_nothing_and_stay_below_an_hour(walker, form: str) -> None:  # 2
    done = walk(walker(form), 150, read_paths()[form])
    assert report.findings(done) == []
    assert done.complete >= 0.7 * 150


def test_a_path_over_the_budget_is_named_with_its_modules(capfd) -> None:  # 3
    assert run("rm_backcheck", "--interviews", 5, "--budget", 3) == 0
    told = capfd.readouterr().err
    assert re.search(r"The path bc_conf=[12] takes about \d minutes, the budget is 3: ", told)
    assert re.search(r"budget is 3: [\w ]+ \d, [\w ]+ \d", told)


def test_the_same_seed_gives_the_same_rows(capfd) -> None:  # 4
    told = []
    for seed in (7, 7, 8):
        run("rm_contact", "--interviews", 6, "--seed", seed, "--questions", "--csv")
        told.append(capfd.readouterr().out)
    assert told[0] == told[1] != told[2]
    rows = {row["question"]: row for row in csv.DictReader(io.StringIO(told[0]))}
    assert rows["att_res"]["interviews"] == "6"
    assert rows["enum_id"]["module"] == "attempt"


@pytest.mark.parametrize(
    ("form", "goal"),
    [
        ("rm_baseline", "${elig} = 1"),  # through calculations of dates
        ("rm_baseline", "${is_emp} = 0 and ${agf_chk} = 1"),
        ("rm_followup", "${ehc_skip} = 1"),
        ("rm_followup", "${pl_state} = 12 and ${cur_loc} = 4"),  # through the case list
        ("rm_followup", "${rm_pay} > instance('ccy')/root/item[name = ${rm_pay_ccy}]/large div 4"),
        ("rm_baseline", "${ehc_on} = 1 and join('', ${sp_now_pl}) = 4"),  # over the periods of a repeat
        ("rm_exit", "${px_con} = 1 and ${px_place} = 4"),  # where a constraint looks at the case list
    ],
)
def test_steering_finds_answers(walker, form: str, goal: str) -> None:  # 5
    assert walker(form).steering.towards([goal], random.Random(1)) is not None


def test_steering_finds_nothing_where_there_is_nothing(walker) -> None:  # 5
    steering = walker("rm_exit").steering
    assert steering.towards(["${exit_type} = 4", "${exit_type} = 5"], random.Random(1)) is None
    assert steering.towards(["${dup_of} != '' and ${exit_type} = 4"], random.Random(1)) is None


def test_lists_offer_every_interviewer_somebody_and_every_state(walker) -> None:  # 6
    rows = case_lists(load("rm_followup"), date(2031, 3, 14), random.Random(1))
    team = {row["name"] for row in rows["enumerators"]}
    assert {row["assigned"] for row in rows["returnee"]} == team
    assert len({row["last_state"] for row in rows["returnee"]}) > 6
    assert {"", "3"} <= {row["mdebt_st"] for row in rows["returnee"]}
    assert rows == case_lists(load("rm_followup"), date(2031, 3, 14), random.Random(1))


def test_texts_match_the_pattern_asked_for() -> None:  # 6
    patterns = {
        found
        for form in forms()
        for question in load(form).questions
        for found in re.findall(r"regex\(\., '([^']+)'\)", question.cell("constraint"))
    }
    assert len(patterns) >= 4
    for pattern in (*patterns, "[a-c]{2}(x|yz)?\\d+"):
        for seed in range(40):
            assert re.fullmatch(pattern, matching(pattern, random.Random(seed))), pattern


def test_numbers_are_tried_where_routing_changes() -> None:  # 5
    form = load("rm_baseline")
    domains = Domains(form, NOW, {})
    size = form.question("hh_size")
    assert size is not None
    assert {"0", "1", "25", "26"} <= set(domains.values(size))
    drawn = {domains.draw(size, random.Random(seed)) for seed in range(60)}
    assert all(1 <= int(number) <= 25 for number in drawn)


def test_conditions_on_dates_are_worked_out() -> None:  # 5
    known = {"today": "2031-03-14"}
    assert (
        value("number(format-date(${today}, '%Y')) * 12 + number(format-date(${today}, '%n'))", known)
        == 24375
    )
    assert holds("regex(., '^[A-Z]{2}[0-9]{2}$')", {}, "AB12") is True
    assert holds("regex(., '^[A-Z]{2}$')", {}, "AB12") is False
    assert value("min(3, max(1, 2))", {}) == 2
    assert branches("if(${a} = 1 and f(2, 3), 'x', if(${b}, 1, 0))") == (
        "${a} = 1 and f ( 2 , 3 )", "'x'", "if ( ${b} , 1 , 0 )",
    )  # fmt: skip
    assert branches("if(1, 2, 3) + 1") is None
