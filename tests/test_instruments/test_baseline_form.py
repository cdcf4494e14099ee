"""Requirements: the baseline form on the engine of ODK Collect. Answers not given here are left open.

1. A month of return that is not known never makes somebody ineligible, in the current year neither.
2. Who does not say what the produce is for is not taken for employed: is asked whether they search for work,
   and is not told that the calendar contradicts.
3. Nobody has to guess how many returnees they know.
"""

from __future__ import annotations

import pytest

from .conftest import Answered, Desk

WHO = {
    **{"enum_id": "E01", "corridor": 1, "frame_src": 1, "case_id": "NA-0001", "psu_code": "A01"},
    **{"int_mode": 1, "int_lang": 1, "interp": 0, "birth_y": 1992, "birth_m": 5, "scr_citizen": 1},
    **{"scr_lives": 1, "dep_y": 2026, "dep_m": 4, "ret_y": 2030, "ret_m": 9, "scr_purpose": 1},
}
AGREED = {
    **{"priv_ok": 1, "con_part": 1, "con_sens": 1, "con_recon": 1, "con_proxy": 1, "con_share": 1},
    **{"con_xfer": 1, "con_gps": 0, "con_audio": 0, "con_method": 2},
}
FARMS = {"atw_pay": 0, "atw_bus": 1, "agf_chk": 1}


def fill(desk: Desk, **answers: object) -> Answered:
    return desk.fill("rm_baseline", {**WHO, **AGREED, **answers})


@pytest.mark.parametrize(
    ("answers", "since", "eligible"),
    [
        ({}, "6", "1"),
        ({"ret_y": 2031, "ret_m": 98}, "0", "1"),  # interview in March: June would have been -3
        ({"ret_y": 2030, "ret_m": 98}, "9", "1"),
        ({"ret_y": 2020, "ret_m": 98, "dep_y": 2016}, "129", "0"),
        ({"ret_y": 2031, "ret_m": 98, "dep_y": 2030, "dep_m": 1, "scr_12m": 1}, "0", "1"),
        ({"ret_y": 2031, "ret_m": 98, "dep_y": 2030, "dep_m": 6, "scr_12m": 0}, "0", "0"),
    ],
)
def test_an_unknown_month_of_return_is_no_reason(
    desk: Desk, answers: dict, since: str, eligible: str
) -> None:  # 1
    done = fill(desk, **answers)
    assert (done.said["since_ret"], done.said["elig"]) == (since, eligible)
    assert done.refused == () or all(kind == "required" for _, kind in done.refused)


@pytest.mark.parametrize(("use", "employed"), [(1, "1"), (2, "1"), (3, "0"), (4, "0"), (98, "0")])
def test_the_use_of_the_produce_decides_about_employment(desk: Desk, use: int, employed: str) -> None:  # 2
    spell = {"sp_beg_y": 2030, "sp_beg_m": 9, "sp_state": 3, "sp_place": 1, "sp_on": 1}
    done = fill(desk, **FARMS, agf_use=use, ehc=[spell])
    assert done.said["is_emp"] == employed
    assert ("job_title" in done.asked) == (employed == "1")
    assert ("srch_4w" in done.asked) == (employed == "0")
    assert ("state_chk" in done.asked) == (use in (3, 4))


def test_a_network_may_be_unknown(desk: Desk) -> None:  # 3
    unknown = fill(desk, net_know=-98, net_30d=7)
    assert (unknown.said["net_know"], unknown.said["net_30d"]) == ("-98", "7")
    assert "net_30d" not in fill(desk, net_know=5, net_30d=7).said
    assert fill(desk, net_know=5, net_30d=-98).said["net_30d"] == "-98"
