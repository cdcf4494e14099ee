"""Requirements.

1. `${name:words}` in a label becomes a calculation per language right below the select.
2. The words come from the labels of the list, beside them, only where lists and languages are quoted.
3. What is quoted is a select or a calculation of its type; anything else is an error that names the row.
4. Where nothing is quoted nothing changes; the words of a list are no part of what its choices mean.
5. On the tablet the words follow the answer.
"""

from __future__ import annotations

import pytest

from instruments.expand.includes import write_out
from instruments.instrument import Instrument
from instruments.sheets import Sheets, rows
from instruments.xform import build

HEAD = ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "codebook::type"]
PET = ["select_one pet", "pet", "Pet?", "Con gì?", ""]
BACK = ["note", "back", "So ${pet:words}, ${pet:words}.", "Vậy ${pet:words}.", ""]
LIST = [
    ["list_name", "name", "label::English (en)", "label::Tiếng Việt (vi)"],
    ["pet", "1", "Cat", "Mèo"],
    ["pet", "2", "Dog", "Chó"],
    ["yn", "1", "Yes", "Có"],
]


def sheets(*survey: list[str]) -> Sheets:
    return {"survey": [HEAD, *survey], "choices": LIST, "settings": [["form_id"], ["small"]]}


def test_a_quote_becomes_a_calculation_per_language() -> None:  # 1
    pet, english, vietnamese, back = rows(write_out(sheets(PET, BACK)).sheets["survey"])
    assert pet["name"] == "pet"
    assert (english["type"], english["name"]) == ("calculate", "pet_en")
    assert english["calculation"] == "instance('pet')/root/item[name = ${pet}]/words_en"
    assert vietnamese["name"] == "pet_vi"
    assert back["label::English (en)"] == "So ${pet_en}, ${pet_en}."
    assert back["label::Tiếng Việt (vi)"] == "Vậy ${pet_vi}."


def test_the_words_stand_beside_the_labels_of_the_list() -> None:  # 2
    choices = rows(write_out(sheets(PET, BACK)).sheets["choices"])
    assert [row.get("words_en") for row in choices] == ["Cat", "Dog", None]
    assert [row.get("words_vi") for row in choices] == ["Mèo", "Chó", None]
    english = write_out(sheets(PET, ["note", "back", "So ${pet:words}", "Vậy", ""])).sheets
    assert [row["name"] for row in rows(english["survey"])] == ["pet", "pet_en", "back"]
    assert all("words_vi" not in row for row in rows(english["choices"]))


def test_a_calculation_of_the_type_of_a_select_is_quoted_too() -> None:  # 3
    was = ["calculate", "pet", "", "", "select_one pet"]
    assert [row["name"] for row in rows(write_out(sheets(was, BACK)).sheets["survey"])] == [
        *("pet", "pet_en", "pet_vi", "back")
    ]


@pytest.mark.parametrize("other", [["text", "pet", "Pet?", "Con gì?", ""], ["text", "cat", "C", "C", ""]])
def test_only_a_select_can_be_quoted(other: list[str]) -> None:  # 3
    with pytest.raises(ValueError, match=r"survey row 3: \$\{pet:words\} quotes 'pet', which is no select"):
        write_out(sheets(other, BACK))


def test_words_are_no_part_of_what_choices_mean() -> None:  # 4
    quoted, plain = (
        Instrument.from_sheets(write_out(sheets(*table)).sheets) for table in ([PET, BACK], [PET])
    )
    assert quoted.lists == plain.lists
    assert plain.sheets == sheets(PET)


def test_the_words_follow_the_answer(tmp_path) -> None:  # 5
    from survey.sandbox.tablet import Tablet, uuids

    from .conftest import WHEN

    form = tmp_path / "small.xml"
    form.write_text(build(Instrument.from_sheets(write_out(sheets(PET, BACK)).sheets)).xml, encoding="utf-8")
    done = Tablet().fill(form, tmp_path, {"pet": "2"}, when=WHEN, ids=uuids("s"), language="English (en)")
    assert "<pet_en>Dog</pet_en>" in done.xml
    assert "<pet_vi>Chó</pet_vi>" in done.xml
