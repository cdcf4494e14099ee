"""The data dictionary.

1. An entry tells who is asked (groups and own relevance together), in which waves, what is computed from it.
2. Being empty has its reasons: routed out, not in wave; coded reasons stay with the variable.
3. Search takes words anywhere, without accents and capitals; form, module and flag narrow it; an unknown flag
   is refused with those there are.
4. CSV, JSON and Markdown say the same of every variable; each has every language.
5. The shipped forms and all derived variables have entries, and everything waves use is in a wave.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from instruments.dictionary import Entry, entries, search, to_csv, to_json, to_markdown, to_text
from instruments.instrument import Instrument, forms, load
from instruments.plan import Track, Wave, WavePlan, load_plan

FORM = """
| survey |
| | type | name | label::English (en) | label::Tiếng Việt (vi) | hint::English (en) | relevant | constraint | calculation | codebook::type | codebook::unit | codebook::missing | codebook::sensitivity | codebook::source | codebook::preload | codebook::back_check | codebook::module |
| | begin_group | mod_k | Money | Tiền bạc | | ${con_part} = 1 | | | | | | | | | | money |
| | decimal | inc_own | Own income | Thu nhập bản thân | Last month | ${con_sens} = 1 | . >= 0 or . = -98 | | | million VND | -98=dont_know | sensitive | income | independent | 2 | |
| | select_one yesno | owes | Do you owe? | Còn nợ không? | | | | | | | | | | proactive | | |
| | calculate | inc_year | | | | | | ${inc_own} * 12 | decimal | million VND | | sensitive | | | | |
| | end_group | | | | | | | | | | | | | | | |
| | text | story | Tell | Kể | | | | | | | | free_text | | | | |
| choices |
| | list_name | name | label::English (en) | label::Tiếng Việt (vi) | missing |
| | yesno | 1 | Yes | Có | |
| | yesno | 98 | Don't know | Không biết | dont_know |
"""  # noqa: E501 – a table
DERIVED = (
    "name,frame,type,unit,label::English (en),choices,inputs,source\n"
    "rich,persons,integer,0/1,Rich,,inc_own,own\n"
)


def plan() -> WavePlan:
    waves = (Wave(0, 0, 0, 56, "other"), *(Wave(n, 3 * n, -14, 42, "small") for n in (1, 2, 3)))
    late = (Wave(1, 6, -14, 42, "small"), Wave(3, 12, -14, 42, "small"))
    return WavePlan({"inflow": Track("inflow", waves), "stock": Track("stock", late)}, "VNM-JPN")


@pytest.fixture
def small(form: Callable[[str], Instrument], tmp_path: Path) -> dict[str, Entry]:
    derived = tmp_path / "derived.csv"
    derived.write_text(DERIVED, encoding="utf-8")
    return {entry.variable.name: entry for entry in entries([form(FORM)], plan(), derived)}


@pytest.fixture(scope="module")
def shipped() -> tuple[Entry, ...]:
    return entries([load(name) for name in forms()], load_plan())


# 1 and 2


def test_who_is_asked_is_told_with_the_groups_around(small: dict[str, Entry]) -> None:
    assert small["inc_own"].asked_if == "(${con_part} = 1) and (${con_sens} = 1)"
    assert small["owes"].asked_if == "${con_part} = 1"
    assert small["story"].asked_if == ""


def test_the_waves_are_those_of_its_form(small: dict[str, Entry]) -> None:
    assert small["owes"].waves == {"inflow": (1, 2, 3), "stock": (1, 3)}
    assert small["owes"].wave_use == "inflow waves 1–3; stock waves 1, 3"
    assert small["rich"].wave_use == "computed afterwards"


def test_what_is_computed_from_it_is_named(small: dict[str, Entry]) -> None:
    assert small["inc_own"].used_by == ("inc_year", "rich")
    assert small["inc_year"].formula == "${inc_own} * 12"


def test_being_empty_has_its_reasons(small: dict[str, Entry]) -> None:
    assert small["owes"].absent == {
        "routed_out": "unless ${con_part} = 1",
        "not_in_wave": "outside of inflow waves 1–3; stock waves 1, 3",
    }
    assert set(small["story"].absent) == {"not_in_wave"}
    assert small["rich"].absent == {}
    assert small["inc_own"].variable.missing == {"-98": "dont_know"}


def test_flags_are_told_as_words(small: dict[str, Entry]) -> None:
    assert small["inc_own"].flags == ("sensitive", "independent", "back_check_2")
    assert small["owes"].flags == ("preloaded",)
    assert small["inc_year"].flags == ("sensitive", "computed")
    assert small["story"].flags == ("free_text",)


# 3


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"text": "INCOME own"}, ["inc_own"]),
        ({"text": "thu nhap ban than"}, ["inc_own"]),
        ({"text": "khong biet"}, ["owes"]),
        ({"form": "persons"}, ["rich"]),
        ({"module": "money", "flag": "S"}, ["inc_own", "inc_year"]),
        ({"flag": "preloaded"}, ["owes"]),
        ({"flag": "b2"}, ["inc_own"]),
        ({"text": "nowhere"}, []),
    ],
)
def test_search_narrows_by_all_that_is_asked(small, asked: dict[str, str], names: list[str]) -> None:
    assert [entry.variable.name for entry in search(small.values(), **asked)] == names


def test_an_unknown_flag_is_refused_with_those_there_are(small: dict[str, Entry]) -> None:
    with pytest.raises(ValueError, match=r"no flag 'Z'; there are P \(identifying\)"):
        search(small.values(), flag="Z")


# 4


def test_csv_has_a_row_per_variable_and_a_column_per_language(small: dict[str, Entry]) -> None:
    found = list(csv.DictReader(io.StringIO(to_csv(tuple(small.values())))))
    assert [row["name"] for row in found] == ["inc_own", "owes", "inc_year", "story", "rich"]
    owes = found[1]
    assert (owes["choices_en"], owes["choices_vi"]) == ("1=Yes | 98=Don't know", "1=Có | 98=Không biết")
    assert (owes["missing"], owes["module"], owes["preload"]) == ("98=dont_know", "money", "proactive")
    assert found[0]["routed_out"] == "unless (${con_part} = 1) and (${con_sens} = 1)"


def test_json_keeps_labels_and_choices_apart(small: dict[str, Entry]) -> None:
    told = {item["name"]: item for item in json.loads(to_json(tuple(small.values())))}
    assert told["inc_own"]["label"] == {"en": "Own income", "vi": "Thu nhập bản thân"}
    assert told["inc_own"]["absent"]["routed_out"] == "unless (${con_part} = 1) and (${con_sens} = 1)"
    assert told["owes"]["choices"][1]["code"] == "98"
    assert told["owes"]["waves"] == {"inflow": [1, 2, 3], "stock": [1, 3]}
    assert told["rich"] == {
        "name": "rich", "frame": "persons", "label": {"en": "Rich"}, "type": "integer", "unit": "0/1",
        "source": "own", "inputs": ["inc_own"], "flags": ["computed"],
    }  # fmt: skip


def test_markdown_has_chapters_sections_and_signs_as_they_stand(small: dict[str, Entry]) -> None:
    page = to_markdown(tuple(small.values()))
    assert page.index("## Small form (`small`, version 3.") < page.index("### money") < page.index("`owes`")
    assert r"- computed as: \${inc\_own} \* 12" in page
    assert "## Computed (`persons`)" in page


def test_a_long_list_stands_once_in_markdown(shipped: tuple[Entry, ...]) -> None:
    page = to_markdown(shipped)
    assert page.count("\n### jp_pref\n") == 1
    assert page.index("## Lists") < page.index("Hokkaido")


def test_text_tells_one_entry_in_full(small: dict[str, Entry]) -> None:
    lines = to_text(small["inc_own"]).splitlines()
    assert lines[0].startswith("inc_own  (small, version 3.")
    told = {line.strip().split("  ")[0]: line.split("  ")[-1].strip() for line in lines[1:]}
    assert told["label (vi)"] == "Thu nhập bản thân"
    assert told["missing -98"] == "dont_know"
    assert told["used by"] == "inc_year, rich"


# 5


def test_every_variable_of_the_shipped_forms_has_an_entry(shipped: tuple[Entry, ...]) -> None:
    asked = sum(len(load(name).variables) for name in forms())
    computed = sum(1 for entry in shipped if entry.variable.frame)
    assert computed > 100
    assert len(shipped) == asked + computed
    for entry in shipped:
        assert bool(entry.waves) == (entry.variable.form in load_plan().forms), entry.variable.name


def test_every_number_code_of_the_shipped_forms_has_its_reason(shipped: tuple[Entry, ...]) -> None:
    told = to_json(shipped)
    reasons = {reason for item in json.loads(told) for reason in item.get("missing", {}).values()}
    assert reasons == {"dont_know", "refused", "unknown"}
