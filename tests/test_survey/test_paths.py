"""The main paths of the shipped forms, taken on the engine of ODK Collect. Requirements:

1. Every path of paths.toml is taken to the end: its answers are given, its calculated values come out.
2. A path asks what belongs to it and nothing that does not.
3. Nothing is lost: each answer that was taken is in the XML, and the XML in what is decoded of it.
4. What was not asked is empty.
5. The paths that the field must be able to go are there, for each form.
6. Told again, an interview gives the same XML.
"""

import random

import pytest
from lxml import etree

from instruments.decode import decode
from instruments.fidelity import losses
from instruments.instrument import Instrument, forms
from instruments.length import read_paths
from survey.sandbox.interview import Retold
from survey.sandbox.tablet import Filled, uuids
from survey.sandbox.walks.walking import names, shown_by

PATHS = read_paths()
REACHED = {  # form, path → asked on it; never asked on it
    ("rm_baseline", "employed"): (
        "job_title job_hours job_pay match_job inc_own wb_low resv_wage",
        "srch_4w wait_abr agf_chk abs_job elig_stop ref_why",
    ),
    ("rm_baseline", "jobless"): (
        "atw_fam abs_job srch_4w srch_how srch_mo avail_2w",
        "job_title job_pay match_job want_work why_nosrch agf_chk",
    ),
    ("rm_baseline", "waiting"): ("wait_abr want_work why_nosrch int_des", "srch_how srch_mo job_title"),
    ("rm_baseline", "own_use_farmer"): ("agf_chk agf_use srch_4w wait_abr", "atw_fam abs_job job_title"),
    ("rm_baseline", "distress"): ("wb_low distress_note ref_want", "ref_why elig_stop"),
    ("rm_baseline", "no_sensitive"): (
        "sex rs_food int_des com_rich job1_any",
        "inc_own debt_any sav_any wb_low rs_help fam_ask rc_ccy sav_ret pay_last jp_problem",
    ),
    ("rm_baseline", "refused"): ("con_part ref_why obs_coop res_code", "con_sens sex job1_any wb_low"),
    ("rm_baseline", "not_eligible"): ("scr_citizen elig_stop res_code", "con_part sex obs_coop others_pres"),
    ("rm_followup", "employed"): ("job_hours match_job job_pay inc_own", "srch_4w rm_dep_y inc_abr abs_job"),
    ("rm_followup", "jobless"): ("srch_4w srch_how srch_mo", "di_job job_title job_hours want_work"),
    ("rm_followup", "waiting"): ("wait_abr want_work why_nosrch", "srch_how di_job job_hours"),
    ("rm_followup", "own_use_farmer"): ("agf_chk agf_use srch_4w", "di_job job_hours atw_fam"),
    ("rm_followup", "nothing_changed"): ("di_state ct_same next_ok rs_food", "ehc_intro sp_state rm_dep_y"),
    ("rm_followup", "abroad"): (
        "abr_ctry rm_dep_y rm_ctry rm_rem inc_ccy inc_abr wb_low",
        "abr_since hh_size atw_pay job_title inc_own rs_food int_des fam_depend ast_org",
    ),
    ("rm_followup", "came_back"): ("rm_dep_y rm_ret_y ehc_intro atw_pay", "rm_rem rm_stay inc_abr"),
    ("rm_followup", "distress"): ("wb_low wb_worry distress_note ref_want", "ref_why"),
    ("rm_followup", "no_sensitive"): ("rs_food int_des", "inc_own debt_any wb_low rs_help job_pay fam_ask"),
    ("rm_followup", "refused"): ("con_part ref_why res_code", "con_sens cur_loc di_state atw_pay incent"),
    ("rm_exit", "withdrew"): ("exit_why del_req", "trace_done px_prior dup_of"),
    ("rm_exit", "withdrew_answers"): ("exit_why del_req del_ack", "trace_done px_prior dup_of"),
    ("rm_exit", "died"): ("exit_y exit_m", "exit_why del_req trace_done px_prior dup_of"),
    ("rm_exit", "lost"): ("trace_done att_total", "exit_why del_req px_prior dup_of"),
    ("rm_exit", "proxy"): ("trace_done px_prior px_con px_rel px_place px_act px_sure", "px_stop exit_why"),
    ("rm_exit", "proxy_not_allowed"): ("px_prior px_stop", "px_con px_rel px_place px_act"),
    ("rm_contact", "interviewed"): ("returnee att_res trace_src", "case_id att_ref appt whereab"),
    ("rm_contact", "refused"): ("att_ref soft_ref", "appt whereab wh_ctry case_id"),
    ("rm_contact", "told_abroad"): ("whereab wh_ctry wh_since_y wh_since_m", "att_ref soft_ref appt"),
    ("rm_contact", "nobody_home"): ("case_id att_res", "returnee tr_note att_ref whereab appt"),
    ("rm_backcheck", "reached"): ("bc_min bc_bad bc_birth_y bc_sex bc_work", ""),
    ("rm_backcheck", "not_interviewed"): ("bc_conf", "bc_min bc_bad bc_birth_y bc_sex bc_work bc_note"),
}  # fmt: skip
TAKEN = [(form, path) for form, paths in PATHS.items() for path in paths]


@pytest.fixture(scope="module")
def took(walker):
    """One interview on each path, held when it is first asked for."""
    held: dict[tuple[str, str], Filled] = {}

    def take(form: str, path: str) -> Filled:
        if (form, path) not in held:
            held[form, path] = walker(form).along(PATHS[form][path], random.Random(f"{form}/{path}"))
        return held[form, path]

    return take


def leaves(xml: str) -> dict[str, str]:
    """Instance path → text of every leaf that has one."""
    found: dict[str, str] = {}

    def below(element: etree._Element, path: str) -> None:
        seen: dict[str, int] = {}
        for child in element:
            name = etree.QName(child).localname
            seen[name] = seen.get(name, 0) + 1
            here = f"{path}/{name}" + (f"[{seen[name]}]" if seen[name] > 1 else "")
            below(child, here)
            if child.text and not len(child):
                found[here] = child.text

    below(etree.fromstring(xml.encode()), "/data")
    return found


def values(filled: Filled) -> dict[str, str]:
    return {path.rpartition("/")[2]: text for path, text in leaves(filled.xml).items()}


@pytest.mark.parametrize(("form", "path"), TAKEN)
def test_every_path_is_taken_to_the_end(took, form: str, path: str) -> None:  # 1
    filled = took(form, path)
    assert filled.complete, (filled.refused_at, filled.violations)
    said = values(filled)
    assert {name: said.get(name) for name in PATHS[form][path]} == PATHS[form][path]


@pytest.mark.parametrize(("form", "path"), TAKEN)
def test_a_path_asks_what_belongs_to_it_and_nothing_else(took, form: str, path: str) -> None:  # 2
    asked, (wanted, unwanted) = set(names(took(form, path))), REACHED[form, path]
    assert set(wanted.split()) - asked == set()
    assert set(unwanted.split()) & asked == set()


@pytest.mark.parametrize(("form", "path"), TAKEN)
def test_every_answer_comes_back(took, walker, form: str, path: str) -> None:  # 3
    filled, instrument = took(form, path), walker(form).instrument
    held = leaves(filled.xml)
    assert {at: text for at, text in filled.answered if not same(held.get(at, ""), text)} == {}
    assert losses(filled.xml, instrument) == []


@pytest.mark.parametrize(("form", "path"), TAKEN)
def test_what_was_not_asked_is_empty(took, walker, form: str, path: str) -> None:  # 4
    filled, instrument = took(form, path), walker(form).instrument
    frame = decode([("one", filled.xml)], instrument).frames[""]
    asked = names(filled)
    unasked = [name for name in shown_by(instrument) if not asked[name] and name in frame.columns]
    assert unasked
    assert {name: frame[name][0] for name in unasked if frame[name].notna().any()} == {}


@pytest.mark.parametrize(
    ("form", "paths"),
    [
        ("rm_baseline", "employed jobless waiting own_use_farmer refused distress no_sensitive"),
        ("rm_followup", "employed jobless waiting own_use_farmer abroad came_back refused distress"),
        ("rm_exit", "withdrew withdrew_answers lost proxy died"),
        ("rm_contact", "interviewed refused told_abroad nobody_home"),
        ("rm_backcheck", "reached not_interviewed"),
    ],
)
def test_the_paths_of_the_field_are_there(form: str, paths: str) -> None:  # 5
    assert set(paths.split()) <= PATHS[form].keys()


def test_each_form_has_paths_and_each_path_says_what_it_asks() -> None:  # 5
    assert PATHS.keys() == set(forms())
    assert REACHED.keys() == set(TAKEN)


def test_the_paths_name_questions_of_their_form(walker) -> None:  # 2
    for (form, path), both in REACHED.items():
        instrument: Instrument = walker(form).instrument
        unknown = set(" ".join(both).split()) - set(shown_by(instrument))
        assert not unknown, (form, path)


def test_told_again_an_interview_gives_the_same(took, walker) -> None:  # 6
    first, to = took("rm_followup", "came_back"), walker("rm_followup")

    def again() -> Filled:
        return to.tablet.fill(to.form, to.media, Retold(first), when=to.when, ids=uuids("again"))

    once, twice = again(), again()
    assert once.xml == twice.xml
    assert (once.asked, once.answered, once.violations) == (first.asked, first.answered, ())


def same(held: str, given: str) -> bool:
    """Whether the XML holds the answer: the same text, or the same numbers or date written otherwise."""
    parts = list(zip(held.split(), given.split(), strict=False))
    try:
        return held == given or (bool(parts) and all(float(one) == float(other) for one, other in parts))
    except ValueError:
        return held[:10] == given[:10] and given[4:5] == "-"
