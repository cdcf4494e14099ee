"""Requirements: the back-check form, on the engine of ODK Collect.

1. A checker is offered the interviews given to them, never one of their own.
2. Interview confirmed: the conduct of the interviewer and the items of the three types are asked again.
3. No interview, or another person answered: nothing is asked again.
4. The costs are asked in the unit in which they were given, and only if they were given.
5. Each item asked again says its type in the codebook, and has a counterpart in the baseline of that type.
"""

from __future__ import annotations

import pytest

from instruments.instrument import load

from .conftest import Desk

ROW = {
    **{"name": "5c0f2b5e-0000-4000-8000-0000000000aa", "label": "VN000001 – 3/2031", "__version": "1"},
    **{"panel_id": "VN000001", "wave": "0", "rc_unit": "nghìn yên", "assigned": "E01", "done_by": "E02"},
}
START = {"enum_id": "E01", "backcheck": ROW["name"], "bc_mode": 2}
CONDUCT = {"bc_min": 40, "bc_tab": 1, "bc_con": 1, "bc_inc": 1, "bc_polite": 5, "bc_bad": 0}
AGAIN = {
    **{"bc_birth_y": 1992, "bc_sex": 1, "bc_dep_y": 2026, "bc_ret_y": 2030, "bc_jp_pref": 23},
    **{"bc_jp_sector": 3, "bc_ret_why": 1, "bc_job1": 1, "bc_job1_y": 2031, "bc_hh_size": 4},
    **{"bc_rc_total": 700, "bc_work": 1, "bc_int_plan": 98},
}


def check(desk: Desk, row: dict[str, str], **answers: object):
    return desk.fill("rm_backcheck", {**START, **answers}, backcheck=[row])


def test_a_confirmed_interview_is_asked_again(desk: Desk) -> None:  # 2
    done = check(desk, ROW, bc_conf=1, **CONDUCT, **AGAIN)
    assert (done.complete, done.refused) == (True, ())
    assert set(done.asked) == {*START, "bc_conf", *CONDUCT, *AGAIN, "bc_note"}
    assert (done.said["panel_id"], done.said["wave"]) == ("VN000001", "0")
    assert done.said["pl_rc_unit"] == "nghìn yên"


@pytest.mark.parametrize("answer", [3, 4, 98])
def test_an_interview_that_was_none_is_not_asked_again(desk: Desk, answer: int) -> None:  # 3
    done = check(desk, ROW, bc_conf=answer)
    assert done.complete
    assert set(done.asked) == {*START, "bc_conf"}


@pytest.mark.parametrize("given", [{"assigned": "E02"}, {"done_by": "E01"}])
def test_only_interviews_of_others_given_to_the_checker_are_offered(desk: Desk, given: dict) -> None:  # 1
    done = check(desk, ROW | given, bc_conf=3)
    assert not done.complete
    assert done.refused == (("backcheck", f"{ROW['name']} is not among 0"),)


def test_costs_are_asked_only_if_they_were_given(desk: Desk) -> None:  # 4
    done = check(desk, ROW | {"rc_unit": ""}, bc_conf=1, **CONDUCT, **AGAIN)
    assert done.complete
    assert "bc_rc_total" not in done.asked


def test_each_item_has_a_counterpart_of_its_type() -> None:  # 5
    baseline = {variable.name: variable for variable in load("rm_baseline").variables}
    followup = {variable.name: variable for variable in load("rm_followup").variables}
    other_name = {"bc_job1": "job1_any", "bc_work": "atw_pay"}
    types = {}
    for variable in load("rm_backcheck").variables:
        if variable.back_check and variable.name != "bc_inc":
            name = other_name.get(variable.name, variable.name.removeprefix("bc_"))
            asked = baseline.get(name) or followup[name]
            assert asked.back_check == variable.back_check, name
            types[variable.name] = variable.back_check
    assert set(types.values()) == {"1", "2", "3"}
    assert types.keys() == AGAIN.keys() - {"bc_job1"}
