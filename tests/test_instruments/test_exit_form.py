"""Requirements: the form filled when a case leaves, on the engine of ODK Collect.

1. Every kind of exit is accepted with the questions that belong to it and no others.
2. A case is lost only after tracing: eight attempts and at least one step.
3. What a person wants done with the data is asked when consent ends, and deletion is acknowledged.
4. A proxy is asked only with the panel member's consent and the informant's own, and about facts alone.
5. A case is not a duplicate of itself.
"""

from __future__ import annotations

import pytest

from instruments.instrument import load

from .conftest import MEMBER, Desk

WHO = {"enum_id": "E01", "returnee": MEMBER["name"], "exit_y": 2031, "exit_m": 2}
TRACED = {"trace_done": [1, 3, 4], "att_total": 9}
PROXY = {
    **{"px_prior": 1, "px_con": 1, "px_rel": 2, "px_last": 14, "px_place": 4, "px_ctry": 392},
    **{"px_since_y": 2030, "px_since_m": 98, "px_route": 2, "px_act": 1, "px_job": "Hộ lý"},
    **{"px_back": 0, "px_sure": 1},
}


def leave(desk: Desk, kind: int, **answers: object):
    return desk.fill("rm_exit", {**WHO, "exit_type": kind, **answers})


@pytest.mark.parametrize(
    ("kind", "answers", "asked"),
    [
        (1, {"exit_why": 6, "del_req": 1}, {"exit_why", "del_req"}),
        (2, {"exit_why": 1}, {"exit_why"}),
        (3, {"exit_why": 3, "del_req": 3, "del_ack": "OK"}, {"exit_why", "del_req", "del_ack"}),
        (4, {}, set()),
        (5, TRACED, {"trace_done", "att_total"}),
        (6, {**TRACED, **PROXY}, {"trace_done", "att_total", *PROXY, "px_phone"}),
        (7, {}, set()),
        (8, {"dup_of": "VN000002"}, {"dup_of"}),
        (9, {}, set()),
        (10, PROXY, {*PROXY, "px_phone"}),
    ],
)
def test_every_exit_asks_what_belongs_to_it(
    desk: Desk, kind: int, answers: dict, asked: set[str]
) -> None:  # 1
    done = leave(desk, kind, **answers)
    assert (done.complete, done.refused) == (True, ())
    assert set(done.asked) == {*WHO, "exit_type", *asked}
    assert (done.said["panel_id"], done.said["wave"]) == ("VN000001", "2")


@pytest.mark.parametrize("tried", [{"trace_done": [0]}, {"att_total": 7}])
def test_a_case_is_lost_only_after_tracing(desk: Desk, tried: dict) -> None:  # 2
    done = leave(desk, 5, **TRACED, **{})
    assert done.complete
    assert not leave(desk, 5, **{**TRACED, **tried}).complete


def test_deletion_is_acknowledged(desk: Desk) -> None:  # 3
    assert not leave(desk, 3, exit_why=3, del_req=2).complete


def test_no_proxy_without_the_panel_members_consent(desk: Desk) -> None:  # 4
    refused = desk.fill(
        "rm_exit", {**WHO, "exit_type": 10, "px_prior": 1}, returnee=[MEMBER | {"con_proxy": "0"}]
    )
    assert refused.refused == (("px_prior", "Người trong mẫu đã không đồng ý"),)
    stopped = leave(desk, 10, px_prior=0)
    assert stopped.complete
    assert {"px_stop"} < set(stopped.asked)
    assert not {"px_con", "px_place"} & set(stopped.asked)


def test_no_proxy_without_the_informants_consent(desk: Desk) -> None:  # 4
    done = leave(desk, 10, px_prior=1, px_con=0)
    assert done.complete
    assert "px_rel" not in done.asked


def test_a_proxy_is_asked_for_facts_alone() -> None:  # 4
    asked = {question.name for question in load("rm_exit").questions if question.name.startswith("px_")}
    assert {name for name in asked if not name.endswith("_oth")} == {
        *PROXY, "px_stop", "px_held", "px_phone"
    }  # fmt: skip


def test_a_case_is_no_duplicate_of_itself(desk: Desk) -> None:  # 5
    done = leave(desk, 8, dup_of={"tries": ["VN000001", "VN000003"]})
    assert done.complete
    assert [name for name, _ in done.refused] == ["dup_of"]


def test_a_member_whose_next_wave_is_not_planned_has_the_one_after_the_last(desk: Desk) -> None:
    row = MEMBER | {"wave_due": "", "last_wave": "3"}
    done = desk.fill("rm_exit", {**WHO, "exit_type": 4}, returnee=[row])
    assert done.said["wave"] == "4"
