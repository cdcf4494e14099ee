"""The walk of one answer.

1. Every stage is there, from the row of the form to the cell of the release. 2. An answer in a repeat is
named by its row. 3. Corrections and checks show. 4. Identifying answers never show. 5. A quarantined answer
says why. 6. What is not there is said in one line.
"""

from datetime import date

import pytest

from survey import corrections
from survey.release import build_release
from survey.trace import to_text, walk

STAGES = [
    "Form text",
    "Form version",
    "Submission",
    "Decoded value, corrections laid over it",
    "Corrections",
    "Case and wave",
    "Checks",
    "Release",
    "Reports of this release",
]


@pytest.fixture
def study(field, tmp_path):
    """One person with a baseline and a follow-up, and how to trace and release."""
    field.sample(1)
    field.first = field.baseline(1)
    field.settle(date(2026, 4, 9))
    field.second = field.followup(1)
    field.settle(date(2026, 4, 10))
    field.releases = tmp_path / "releases"
    return field


def release(study) -> str:
    built = build_release(study.session, study.releases, name="t", seed=study.seed, now=study.now)
    study.session.commit()
    return built.digest[:12]


def trace(study, instance: str, place: str) -> dict[str, tuple[str, ...]]:
    reports = study.releases.parent / "reports"
    stages = walk(study.session, instance, place, seed=study.seed, releases=study.releases, reports=reports)
    return {stage.name: stage.lines for stage in stages}


def test_the_walk_goes_from_the_form_to_the_cell(study):
    digest = release(study)
    (study.releases.parent / "reports" / digest).mkdir(parents=True)
    (study.releases.parent / "reports" / digest / "panel.en.html").touch()
    told = trace(study, study.second, "inc_own")
    assert list(told) == STAGES
    assert "forms/rm_followup/survey.csv row" in told["Form text"][0]
    assert any("million" in line for line in told["Form text"])
    assert told["Form version"][0] == f"rm_followup version {study.forms['rm_followup'].version}"
    assert "<inc_own> 8.0" in told["Submission"]
    assert "value 8" in told["Decoded value, corrections laid over it"]
    assert told["Corrections"] == ("none",)
    assert told["Case and wave"][0].endswith("wave 1")
    assert told["Checks"] == ("nothing found",)
    assert told["Release"][0].startswith(digest)
    assert "person_waves.inc_own = 8" in told["Release"]
    assert told["Reports of this release"] == ("panel.en.html",)


def test_cells_computed_from_an_answer_are_named_too(study):
    release(study)
    cells = trace(study, study.second, "atw_pay")["Release"]
    assert any(line.startswith("person_waves.lf = ") for line in cells)


def test_an_answer_in_a_repeat_is_named_by_its_row(study):
    told = trace(study, study.first, "sp_state[1]")
    assert "<sp_state> 1" in told["Submission"]
    assert any(line.startswith("which is: ") for line in told["Decoded value, corrections laid over it"])
    with pytest.raises(LookupError, match=r"sp_state\[1\]"):
        trace(study, study.first, "sp_state")


def test_a_correction_shows_with_its_author_and_the_value_it_gives(study):
    corrections.record(
        study.session,
        instance_id=study.second,
        variable="inc_own",
        old="8",
        new="8.5",
        who="lan",
        why="call back",
        at=study.now,
    )
    told = trace(study, study.second, "inc_own")
    assert "by lan: 8 to 8.5" in told["Corrections"][0]
    assert "value 8.5" in told["Decoded value, corrections laid over it"]
    assert "<inc_own> 8.0" in told["Submission"]


def test_what_a_check_found_shows(study):
    study.send("rm_followup", {"returnee": "00000000-0000-4000-8000-000000000001", "id_ok": 0, "wave": 2})
    told = trace(study, "uuid:rm_followup-0003", "id_ok")
    assert told["Checks"][0].startswith("error identity.doubt")


@pytest.mark.parametrize("place", ["full_name", "phone1", "vill_cur", "case_id"])
def test_an_identifying_answer_is_never_shown(study, place):
    release(study)
    text = str(trace(study, study.first, place))
    assert "not shown" in text
    assert not any(word in text for word in ("Tám", "0912", "Xóm", "VN-0001"))


def test_a_quarantined_answer_says_why(study):
    release(study)
    instance = study.baseline(9)
    told = trace(study, instance, "inc_own")
    assert told["Case and wave"][0].startswith("quarantined: it names no known case")
    assert told["Release"][1] == "the submission is quarantined and in no release"


def test_without_a_release_the_walk_ends_by_saying_how_to_make_one(study):
    assert "survey release build" in trace(study, study.first, "inc_own")["Release"][0]


@pytest.mark.parametrize(
    ("instance", "place", "says"), [("uuid:none", "inc_own", "no submission"), ("", "inc", "no variable")]
)
def test_what_is_not_there_is_said_in_one_line(study, instance, place, says):
    with pytest.raises(LookupError, match=says):
        trace(study, instance or study.first, place)


def test_the_walk_prints_as_numbered_stages(study):
    stages = walk(
        study.session,
        study.first,
        "inc_own",
        seed=study.seed,
        releases=study.releases,
        reports=study.releases,
    )
    lines = to_text(stages).splitlines()
    assert lines[0] == "1. Form text"
    assert lines[1].startswith("   forms/rm_baseline/survey.csv row ")
