"""Requirements.

1. JSON gives back an equal codebook, for the real forms and derived rows.
2. The first form wins unless one is named; derived variables are found by their frame.
3. Labels fall back to English, then to the name; a float code finds its choice.
4. What may identify a person is named by `identifying`, free text and places included.
5. A derived row that cannot be understood is refused with its row number.
6. Every derived variable's inputs are questions or other derived variables, with labels in both languages.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from instruments.codebook import Choice, Codebook, Variable, codebook, read_derived
from instruments.instrument import forms, load

YES_NO = (Choice("1", {"en": "Yes", "vi": "Có"}), Choice("0", {"en": "No"}))
SMALL = Codebook(
    [
        Variable("age", "one", "integer", {"en": "Age", "vi": "Tuổi"}, unit="years"),
        Variable("works", "one", "select_one", {"en": "Works"}, choices=YES_NO, list_name="yesno"),
        Variable("age", "two", "integer", {"en": "Age now"}),
        Variable("name", "two", "text", sensitivity="identifying"),
        Variable("story", "two", "text", sensitivity="free_text"),
        Variable("gps", "two", "geopoint"),
        Variable("employed", type="integer", frame="person_waves", inputs=("works",)),
    ]
)


@pytest.fixture(scope="module")
def whole() -> Codebook:
    return codebook([load(name) for name in forms()])


def test_json_gives_back_an_equal_codebook(whole: Codebook) -> None:  # 1
    assert Codebook.from_json(whole.to_json()) == whole
    assert Codebook.from_json(SMALL.to_json()) == SMALL


def test_the_first_form_wins_unless_one_is_named() -> None:  # 2
    assert SMALL["age"].form == "one"
    assert SMALL.get("age", "two").label["en"] == "Age now"
    assert SMALL.get("employed", "person_waves").inputs == ("works",)
    assert SMALL.get("employed", "one") is None
    assert [v.name for v in SMALL.of("person_waves")] == ["employed"]
    assert (SMALL.forms, SMALL.frames) == (("one", "two"), ("person_waves",))


def test_an_unknown_name_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match="no variable 'agee'"):
        SMALL["agee"]


def test_labels_fall_back_to_english_and_then_to_the_name() -> None:  # 3
    assert SMALL.label("age", "vi") == "Tuổi"
    assert SMALL.label("works", "vi") == "Works"
    assert SMALL.label("story") == "story"
    assert SMALL.choice_label("works", 1.0, "vi") == "Có"
    assert SMALL.choice_label("works", 0, "vi") == "No"
    assert SMALL.choice_label("works", "7") == "7"


def test_names_free_text_and_places_are_identifying() -> None:  # 4
    assert SMALL.identifying() == {"name", "story", "gps"}


def test_no_form_lets_a_direct_identifier_through(whole: Codebook) -> None:  # 4
    must = {
        *("full_name", "alias", "phone1", "phone2", "zalo", "facebook", "c1_name", "c1_phone", "new_addr"),
        *("gps", "audit", "deviceid", "username", "comm_cur", "vill_cur", "panel_id", "case_id", "returnee"),
        *("psu_code", "job_title", "obs_note", "sv_label", "pl_name", "tr_phone1", "rds_coupon"),
    }
    assert must <= whole.identifying()
    assert not {"sex", "birth_y", "sp_state", "inc_own", "prov_birth", "att_res"} & whole.identifying()


def test_a_table_has_a_row_per_variable(whole: Codebook) -> None:
    table = whole.to_frame()
    assert len(table) == len(whole)
    row = table[(table.name == "inc_own") & (table.form == "rm_followup")].iloc[0]
    assert (row.unit, row.missing) == ("million VND/month", "-98=dont_know -99=refused")
    assert (row.sensitivity, row.module, row.source) == ("sensitive", "money", "income")


def test_missing_codes_of_choices_carry_their_reason(whole: Codebook) -> None:
    assert whole["inc_suff"].missing == {"98": "dont_know", "99": "refused"}
    assert whole["birth_m"].missing == {"98": "unknown"}
    assert whole["int_dest1"].missing == {"998": "dont_know", "999": "refused"}


def test_preload_and_back_check_come_from_the_specification(whole: Codebook) -> None:
    assert whole["di_state"].preload == "proactive"
    assert whole["int_plan"].preload == "independent"
    assert whole["pl_job"].preload == "preload"
    assert (whole["sex"].back_check, whole["pre_act"].back_check) == ("1", "2")


def derived(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "derived.csv"
    head = "name,frame,type,unit,label::English (en),label::Tiếng Việt (vi),choices,inputs,sensitivity,source"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    return path


def test_a_derived_row_is_read_with_choices_in_two_languages(tmp_path: Path) -> None:
    (variable,) = read_derived(
        derived(tmp_path, "lf,waves,select_one,,Status,Tình trạng,1=Yes / Có | 2=No,a b,,x")
    )
    assert variable.choices == (Choice("1", {"en": "Yes", "vi": "Có"}), Choice("2", {"en": "No"}))
    assert (variable.inputs, variable.frame, variable.form) == (("a", "b"), "waves", "")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("lf,waves,number,,,,,,,", "row 3: lf: type is one of"),
        ("lf,waves,select_one,,,,yes,,,", "row 3: a choice is written code=words"),
        ("lf,waves,integer,,,,,,secret,", "row 3: lf: sensitivity is one of"),
        ("ok,waves,integer,,,,,,,", "row 3: ok stands twice in frame waves"),
    ],
)
def test_a_derived_row_that_cannot_be_understood_is_named(
    tmp_path: Path, row: str, message: str
) -> None:  # 5
    with pytest.raises(ValueError, match=message):
        read_derived(derived(tmp_path, "ok,waves,integer,,,,,,,", row))


def test_derived_variables_name_inputs_that_exist_and_have_both_labels(whole: Codebook) -> None:  # 6
    for variable in read_derived():
        assert {"en", "vi"} <= set(variable.label), variable.name
        assert all(name in whole for name in variable.inputs), (variable.name, variable.inputs)
        assert all({"en", "vi"} <= set(choice.label) for choice in variable.choices), variable.name
