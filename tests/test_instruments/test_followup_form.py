"""Requirements: the follow-up form on the engine of ODK Collect. Answers not given here are left open.

1. Taking part and sensitive topics are agreed to in each wave; every other consent of the baseline can be
   changed, is asked again only if the person wants to, and what was held is kept otherwise.
2. Who no longer wants us to come back is asked no contact details.
3. A person abroad gives the income in a currency they choose, and the date of leaving once.
4. The activity of the last interview is read back in the language on the screen, whenever that is changed.
"""

from __future__ import annotations

import pytest

from instruments.instrument import load

from .conftest import MEMBER, Answered, Desk

WHO = {
    **{"enum_id": "E01", "returnee": MEMBER["name"], "int_mode": 1, "int_lang": 1, "id_ask_y": 1992},
    **{"priv_ok": 1, "con_part": 1, "con_sens": 1, "con_more": 0},
    **{"cur_loc": 1, "abr_since": 0, "di_state": 1, "ct_same": 1},
}
OTHER = ("con_recon", "con_proxy", "con_share", "con_xfer", "con_gps", "con_audio")


def fill(desk: Desk, row: dict[str, str] | None = None, **answers: object) -> Answered:
    return desk.fill("rm_followup", {**WHO, **answers}, returnee=[MEMBER | (row or {})])


def test_other_consents_are_kept_unless_the_person_wants_to_change_them(desk: Desk) -> None:  # 1
    kept = fill(desk)
    assert {"con_part", "con_sens", "con_more"} <= set(kept.asked)
    assert not {*OTHER} & set(kept.asked)
    assert kept.said["sv_proxy"] == "1"
    changed = fill(desk, con_more=1, **dict.fromkeys(OTHER, 1) | {"con_proxy": 0})
    assert {*OTHER} < set(changed.asked)
    assert changed.said["sv_proxy"] == "0"


def test_every_consent_of_the_baseline_can_be_changed_later() -> None:  # 1
    baseline, followup = (
        {q.name for q in load(name).questions if q.name.startswith("con_") and q.kind == "select_one"}
        for name in ("rm_baseline", "rm_followup")
    )
    screening = {"con_read", "con_method"}  # a contract read before leaving; how consent was given
    assert followup - {"con_more"} == baseline - screening == {"con_part", "con_sens", *OTHER}


@pytest.mark.parametrize(("again", "asked"), [(1, True), (0, False)])
def test_who_is_not_to_be_visited_again_gives_no_contact_details(
    desk: Desk, again: int, asked: bool
) -> None:  # 2
    done = fill(desk, con_more=1, **dict.fromkeys(OTHER, 1) | {"con_recon": again}, ct_same=0)
    for name in ("ct_same", "phone1", "c1_phone", "best_time", "next_ok"):
        assert (name in done.asked) == asked, name
    assert "incent" in done.asked


@pytest.mark.parametrize(
    ("answers", "asked", "not_asked"),
    [
        ({"cur_loc": 4}, {"rm_dep_y", "inc_ccy", "inc_abr"}, {"move_y", "move_m", "inc_own"}),
        ({"cur_loc": 2, "move_why": 2}, {"move_y", "move_m", "inc_own"}, {"rm_dep_y", "inc_ccy", "inc_abr"}),
        ({"cur_loc": 3, "move_why": 5}, {"inc_own"}, {"move_y", "move_m", "rm_dep_y", "inc_abr"}),
        ({"cur_loc": 1, "abr_since": 1}, {"rm_dep_y", "rm_ret_y", "inc_own"}, {"move_y", "inc_abr"}),
    ],
)
def test_people_abroad_date_their_leaving_once_and_choose_a_currency(
    desk: Desk, answers: dict, asked: set[str], not_asked: set[str]
) -> None:  # 3
    done = fill(desk, **answers)
    assert asked <= set(done.asked)
    assert not not_asked & set(done.asked)
    for name in asked:
        assert done.asked.count(name) == 1


@pytest.mark.parametrize("language", ["English (en)", "Tiếng Việt (vi)"])
def test_the_last_activity_is_there_in_every_language(desk: Desk, language: str) -> None:  # 4
    row = MEMBER | {"last_state": "5", "last_state_txt": "Farm mainly for own use"}
    done = desk.fill("rm_followup", WHO, returnee=[row], language=language)
    assert done.said["pl_state_en"] == "Farm mainly for own use"
    assert done.said["pl_state_vi"] == "Làm nông chủ yếu để gia đình dùng"
    shown = load("rm_followup").question("di_state")
    assert "${pl_state_en}" in shown.cell("label::English (en)")
    assert "${pl_state_vi}" in shown.cell("label::Tiếng Việt (vi)")
