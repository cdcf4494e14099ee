"""What people say was wrong in an earlier interview.

1. A retraction names person, earlier wave and answer, old and new value, and the interview that told it; the
   earlier answer stays as it is.
2. Who never had the job that was read back retracts it without another; who changed since retracts nothing.
3. It is about the interview before, whether that was a baseline or a follow-up.
4. It goes when the interview that told it is corrected or rejected.
5. Analysis sees those that identify nobody; a job in words is not among them.
6. `survey corrections` lists them beside what the team recorded; the walk of the earlier answer shows them.
"""

import csv
import io
from datetime import date

import pytest
from sqlmodel import Session

from survey import cli, corrections, responses, store
from survey.answers import gather
from survey.commands.init import start_study
from survey.models import SubmissionEvent
from survey.retractions import retractions
from survey.trace import walk

WRONG = {"di_state": 3, "di_fix": 9, "pl_state": 1, "is_emp": 1, "pl_job": "Thợ hàn"}
NEVER = {"di_state": 1, "pl_state": 1, "is_emp": 1, "pl_job": "Thợ hàn", "di_job": 4, "job_title": "Lái xe"}


@pytest.fixture
def study(field):
    """Two people with a baseline, one of whom takes back the activity told there."""
    return started(field)


def started(field):
    field.sample(2)
    field.first = [field.baseline(n, sv_state=1, sv_job="Thợ hàn") for n in (1, 2)]
    field.settle(date(2026, 4, 9))
    field.told = field.followup(1, **WRONG)
    return field


def test_the_earlier_answer_stays_and_the_new_one_stands_beside_it(study):  # 1
    (told,) = retractions(study.session)
    assert (told.wave, told.instance_id, told.variable) == (0, study.first[0], "sv_state")
    assert (told.old, told.new) == ("1", "9")
    assert (told.source_wave, told.source_instance, told.source) == (1, study.told, "di_state")
    assert told.day == "2026-04-09"
    frame = gather(study.session).forms["rm_baseline"].frame.set_index("instance_id")
    assert frame.loc[study.first[0], "sv_state"] == 1
    assert corrections.listing(study.session) == []


@pytest.mark.parametrize(("job", "count"), [(1, 0), (2, 0), (4, 1)])
def test_a_job_nobody_had_is_taken_back_without_another(study, job: int, count: int):  # 2
    study.followup(2, **NEVER | {"di_job": job})
    told = [one for one in retractions(study.session) if one.source == "di_job"]
    assert len(told) == count
    for one in told:
        assert (one.variable, one.old, one.new) == ("sv_job", "Thợ hàn", "")
        assert one.is_identifying


def test_it_is_about_the_interview_before(study):  # 3
    study.followup(1, wave=2, today="2026-09-09", now_cm=1521, **WRONG)
    told = retractions(study.session)
    assert [(one.wave, one.source_wave) for one in told] == [(0, 1), (1, 2)]
    assert told[1].instance_id == study.told


def test_it_goes_with_the_interview_that_told_it(study):  # 4
    told = {"who": "lan", "why": "misheard", "at": study.now}
    corrections.record(study.session, instance_id=study.told, variable="di_state", old="3", new="2", **told)
    assert retractions(study.session) == []


def test_it_goes_when_the_interview_is_rejected(study):  # 4
    event = {"form_id": "rm_followup", "instance_id": study.told, "seen_at": study.now, "kind": "review"}
    study.session.add(SubmissionEvent(**event, meta={"reviewState": "rejected"}))
    study.session.commit()
    assert retractions(study.session) == []


def test_analysis_sees_those_that_identify_nobody(study):  # 5
    study.followup(2, **NEVER)
    frame = responses.read(study.session, seed=study.seed).frames["retractions"]
    assert frame[["wave", "variable", "old", "new", "source_wave", "source"]].to_dict("records") == [
        {"wave": 0, "variable": "sv_state", "old": "1", "new": "9", "source_wave": 1, "source": "di_state"}
    ]
    assert frame["person_id"].iloc[0].startswith("P")


def test_the_walk_of_the_earlier_answer_shows_it(study, tmp_path):  # 6
    stages = walk(
        study.session, study.first[0], "sv_state", seed=study.seed, releases=tmp_path, reports=tmp_path
    )
    (lines,) = [stage.lines for stage in stages if stage.name == "Corrections"]
    assert lines == (
        "2026-04-09 by the respondent, di_state of wave 1: 1 was wrong, 9; beside it, not over it",
    )


def test_the_command_lists_both_kinds(open_field, tmp_path, monkeypatch, capfd):  # 6
    file = start_study(tmp_path / "study", {})
    engine = store.connect("sqlite:///survey.sqlite", file.parent)
    with Session(engine) as session:
        field = started(open_field(session))
        field.followup(2, **NEVER)
        told = {"who": "lan", "why": "called back", "at": field.now}
        record = corrections.record
        record(session, instance_id=field.first[1], variable="inc_own", old="7.5", new="8", **told)
        record(session, instance_id=field.first[1], variable="alias", old="Tám Lùn", new="Tám", **told)
        session.commit()
        first, second = field.first
    engine.dispose()
    monkeypatch.chdir(file.parent)
    assert cli.run(["corrections", "--csv"]) == 0
    out, err = capfd.readouterr()
    rows = [tuple(row.values())[:5] for row in csv.DictReader(io.StringIO(out))]
    hidden = "(identifying: not shown)"
    assert rows[:2] + sorted(rows[2:]) == [
        (second, "inc_own", "7.5", "8", "lan"),
        (second, "alias", hidden, hidden, "lan"),
        (first, "sv_state", "1", "9", "respondent"),
        (second, "sv_job", hidden, hidden, "respondent"),
    ]
    assert "4 corrections" in err
    assert cli.run(["corrections", "--instance", first, "--csv"]) == 0
    assert "was wrong, said in wave 1: di_state of uuid:" in capfd.readouterr().out
