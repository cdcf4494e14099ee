"""Requirements.

1. Other numbers in another language are an error, numbers that are lacking a warning; digits of any
   script and any way of setting thousands apart count alike. A choice may lack a number (January is a
   first month).
2. What a text refers to, `${…}` or `{…}`, stands in every language; the words of a choice count alike.
3. Two choices that one language tells apart are told apart in every language.
4. A label that is, in the first language, the label of another choice is found: swapped or untranslated.
5. Texts that are not there, and lists that say the same in all languages, are no drift.
6. Lint tells sheet, row, list, code and column.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments.drift import choices, numbers_in, texts
from instruments.instrument import Instrument
from instruments.lint import lint

EN, VI, KM = "label::English (en)", "label::Tiếng Việt (vi)", "label::ខ្មែរ (km)"
Form = Callable[[str], Instrument]


@pytest.mark.parametrize(
    ("english", "vietnamese", "level"),
    [
        ("In the last 7 days", "Trong 30 ngày qua", "error"),
        ("In the last 7 days", "Trong tuần qua", "warning"),
        ("In the last 7 days", "Trong 7 ngày qua", None),
        ("Over 1,000 dong", "Trên 1.000 đồng", None),
        ("Over 1,000,000.5 dong", "Trên 1.000.000,5 đồng", None),
        ("Over 10 million", "Trên 100 triệu", "error"),
        ("You told us ${pl_2030_en}", "Anh/chị cho biết ${pl_2030_vi}", None),
    ],
)
def test_numbers_are_the_same_in_all_languages(english: str, vietnamese: str, level: str | None) -> None:  # 1
    slips = list(texts([{"name": "q", EN: english, VI: vietnamese}]))
    assert [(s.level, s.code, s.column) for s in slips] == ([(level, "drift.number", VI)] if level else [])


def test_digits_of_another_script_are_the_same_numbers() -> None:  # 1
    assert numbers_in("៧ ថ្ងៃ និង ២៥០០") == numbers_in("7 days and 2,500")
    assert list(texts([{"name": "q", EN: "7 days", KM: "៧ ថ្ងៃ"}])) == []
    assert [s.level for s in texts([{"name": "q", EN: "7 days", KM: "៨ ថ្ងៃ"}])] == ["error"]


def test_hints_and_messages_are_looked_at_too() -> None:  # 1
    row = {"name": "q", "hint::English (en)": "9998 if not known", "hint::Tiếng Việt (vi)": "9999 nếu không"}
    assert [s.column for s in texts([row])] == ["hint::Tiếng Việt (vi)"]


def test_a_choice_may_lack_a_number_but_not_have_another() -> None:  # 1
    assert list(texts([{"list_name": "month", "name": "1", EN: "January", VI: "Tháng 1"}])) == []
    row = {"list_name": "pay", "name": "1", EN: "0 to 1 million", VI: "0 đến 10 triệu"}
    assert [s.level for s in texts([row])] == ["error"]


@pytest.mark.parametrize(
    ("english", "vietnamese", "lacking"),
    [
        ("In ${place}?", "Ở đó?", VI),
        ("There?", "Ở ${place}?", EN),
        ("In ${place}?", "Ở ${place}?", None),
        ("Since {since}?", "Từ đó?", VI),
        ("You were ${pl_state_en}", "Anh/chị ${pl_state_vi}", None),
    ],
)
def test_references_stand_in_every_language(english: str, vietnamese: str, lacking: str | None) -> None:  # 2
    slips = list(texts([{"name": "q", EN: english, VI: vietnamese}]))
    assert [(s.code, s.column) for s in slips] == ([("drift.reference", lacking)] if lacking else [])


def listed(*labels: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"list_name": "l", "name": str(number), EN: english, VI: vietnamese}
        for number, (english, vietnamese) in enumerate(labels, start=1)
    ]


def test_choices_told_apart_once_are_told_apart_everywhere() -> None:  # 3
    (slip,) = choices(listed(("Yes", "Có"), ("No", "Không"), ("Maybe", "có.")))
    assert (slip.row, slip.column, slip.code) == (2, VI, "drift.same_label")
    assert "3 says the same as 1" in slip.message


def test_a_label_of_another_choice_is_found() -> None:  # 4
    (slip,) = choices(listed(("Seoul", "Busan"), ("Busan", "Pusan")))
    assert (slip.row, slip.column, slip.code) == (0, VI, "drift.other_choice")
    assert "In vi, 1 says what 2 says in en" in slip.message
    swapped = list(choices(listed(("Hue", "Da Nang"), ("Da Nang", "Hue"))))
    assert {slip.row for slip in swapped} == {0, 1}


@pytest.mark.parametrize(
    "labels",
    [
        (("Yes", "Có"), ("No", "Không")),
        (("Tokyo", "Tokyo"), ("Osaka", "Osaka")),
        (("Other", "Khác"), ("Other", "Khác")),
        (("Yes", ""), ("No", "-")),
        (("1", "1"), ("2", "2")),
    ],
)
def test_lists_that_agree_have_no_drift(labels: tuple[tuple[str, str], ...]) -> None:  # 5
    assert list(choices(listed(*labels))) == []
    assert list(texts(listed(*labels))) == []


def test_the_same_word_may_stand_in_two_lists() -> None:  # 5
    one, two = listed(("Yes", "Có"))[0], listed(("Maybe", "Có"))[0] | {"list_name": "m", "name": "2"}
    assert list(choices([one, two])) == []


def test_lint_tells_where(form: Form) -> None:  # 6
    found = lint(
        form("""
        | survey  | type          | name    | label::English (en) | label::Tiếng Việt (vi) | codebook::sensitivity |
        |         | text          | case_id | Case                | Mã                     | identifying           |
        |         | select_one yn | q       | In 7 days?          | Trong 8 ngày?          |                       |
        | choices | list_name     | name    | label::English (en) | label::Tiếng Việt (vi) |
        |         | yn            | 1       | Yes                 | Có                     |
        |         | yn            | 0       | No                  | Có                     |
        """)  # noqa: E501
    )
    assert [(f.level, f.code, f.where) for f in found] == [
        ("error", "drift.number", "small: survey row 3 (q), column label::Tiếng Việt (vi)"),
        ("error", "drift.same_label", "small: choices row 3 (yn 0), column label::Tiếng Việt (vi)"),
    ]
