"""`survey wave`: what it shows, what it refuses, and that nothing is kept without --commit."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from instruments.plan import PLAN
from survey import cli, store
from survey.commands.init import start_study
from survey.models import AdoptedPlan, PlanChange

NOW = datetime(2026, 4, 28, 8, 30, tzinfo=UTC)


@pytest.fixture
def study(tmp_path: Path, open_field) -> Path:
    """A study with a plan of its own and two people recruited on 5 March."""
    settings = start_study(tmp_path / "study", {"study": {"plan_file": "plan.toml"}})
    (settings.parent / "plan.toml").write_text(PLAN.read_text(encoding="utf-8"), encoding="utf-8")
    engine = store.connect("sqlite:///survey.sqlite", settings.parent)
    with Session(engine) as session:
        field = open_field(session)
        field.sample(2)
        field.baseline(1)
        field.baseline(2)
        field.settle(date(2026, 4, 28))
    engine.dispose()
    return settings


def run(study: Path, *arguments: object) -> int:
    return cli.run(["--settings", str(study), "wave", *(str(a) for a in arguments)], clock=lambda: NOW)


def rows(study: Path, capfd, *arguments: object) -> list[dict]:
    capfd.readouterr()
    assert run(study, *arguments, "--json") == 0
    return json.loads(capfd.readouterr().out)


def edit(study: Path) -> None:
    """Wave 3 of the inflow opens a month later."""
    path = study.parent / "plan.toml"
    old = 'number = 3, form = "rm_followup", months = 12, opens_days = -56'
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, old.replace("-56", "-26")), encoding="utf-8")


def kept(study: Path) -> tuple[list[str], list[str]]:
    engine = store.connect("sqlite:///survey.sqlite", study.parent)
    with Session(engine) as session:
        found = (
            list(session.exec(select(AdoptedPlan.why))),
            list(session.exec(select(PlanChange.why))),
        )
    engine.dispose()
    return found


def test_windows_are_listed_by_state_and_wave(study, capfd):
    assert [(row["case_id"], row["wave"]) for row in rows(study, capfd, "list", "--state", "open")] == [
        ("VN-0001", 1),
        ("VN-0002", 1),
    ]
    assert {row["wave"] for row in rows(study, capfd, "list", "--wave", 4)} == {4}
    assert run(study, "list", "--state", "shut") == 2


def test_an_edited_plan_shows_before_and_after_and_is_kept_with_its_reason(study, capfd):
    assert rows(study, capfd, "plan") == []
    edit(study)
    shown = rows(study, capfd, "plan")
    assert [(row["case_id"], row["wave"], row["change"]) for row in shown] == [
        ("VN-0001", 3, "moved"),
        ("VN-0002", 3, "moved"),
    ]
    assert (shown[0]["opens before"], shown[0]["opens after"]) == ("2026-11-06", "2026-12-06")
    assert shown[0]["due before"] == shown[0]["due after"] == "2027-01-01"
    assert kept(study) == (["the first plan of the study"], [])
    assert run(study, "plan", "--commit") == 2
    assert run(study, "plan", "--commit", "--why", "no staff in November", "--who", "lan") == 0
    assert kept(study) == (
        ["the first plan of the study", "no staff in November"],
        ["no staff in November", "no staff in November"],
    )
    assert rows(study, capfd, "plan") == []


def test_a_case_is_shown_with_what_was_before(study, capfd):
    edit(study)
    assert run(study, "plan", "--commit", "--why", "no staff in November", "--who", "lan") == 0
    third = [row for row in rows(study, capfd, "show", "VN-0001") if row["wave"] == 3]
    assert [(row["stands"], row["opens"], row["who"]) for row in third] == [
        ("moved", "2026-11-06", "lan"),
        ("planned", "2026-12-06", ""),
    ]
    assert third[0]["why"] == "no staff in November"
    assert run(study, "show", "VN-9999") == 1
    assert "no case" in capfd.readouterr().err


def test_what_if_shows_the_work_load_of_another_plan_and_keeps_nothing(study, tmp_path, capfd):
    other = tmp_path / "other.toml"
    text = PLAN.read_text(encoding="utf-8").replace("months = 6, opens_days", "months = 7, opens_days")
    other.write_text(text, encoding="utf-8")
    shown = rows(study, capfd, "plan", "--what-if", "--plan", other, "--by", "week")
    assert [
        (row["week"], row["due before"], row["due"]) for row in shown if row["due before"] != row["due"]
    ] == [
        ("2026-W27", 2, 0),
        ("2026-W31", 0, 2),
    ]
    assert kept(study) == (["the first plan of the study"], [])


def test_what_if_somebody_came_home_earlier(study, capfd):
    assert run(study, "plan", "--what-if", "--returned", "VN-0001=2025-11") == 0
    assert "moved" in capfd.readouterr().err
    assert kept(study)[1] == []
    assert run(study, "plan", "--what-if", "--returned", "VN-0001=11/2025") == 2
    assert run(study, "plan", "--what-if", "--returned", "VN-0777=2025-11") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--what-if", "--commit", "--why", "x"),
        ("--returned", "VN-0001=2025-11"),
        ("--what-if", "--by", "month"),
    ],
)
def test_what_cannot_be_meant_is_refused(study, arguments):
    assert run(study, "plan", *arguments) == 2


def test_a_plan_that_cannot_be_followed_is_one_line(study, tmp_path, capfd):
    broken = tmp_path / "broken.toml"
    broken.write_text('corridor = "X"\n', encoding="utf-8")
    assert run(study, "plan", "--what-if", "--plan", broken) == 1
    assert "the key 'track' is missing" in capfd.readouterr().err


def test_another_person_s_edit_of_the_plan_is_said_on_showing_a_case(study, capfd):
    edit(study)
    assert run(study, "show", "VN-0001") == 0
    assert "plan.not_adopted" in capfd.readouterr().err
