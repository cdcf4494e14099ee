"""Two versions of a form by meaning.

 1. The same form twice differs in nothing; capitals, punctuation, blanks and the way a condition is written
    are no difference.
 2. A code that stands for another answer is recoded and breaks; so does an answer that changed its code. A
    new code does not break, a code no longer offered does. A list many questions use is told once.
 3. Other words in the default language break, in another language they do not.
 4. A wider range does not break, a narrower does, and one that cannot be judged does.
 5. Another type, unit, missing code, computation, filter, repeat or preload mode breaks; whole numbers that
    become decimals do not.
 6. Routing is told where it changed: of the group if its condition changed, else of the question.
 7. A question dropped breaks, one added does not; likeness is only suggested; `codebook::formerly` makes it a
    rename, and expressions that use the old name are then the same.
 8. One question moved among many is one change; into or out of a repeat it breaks.
 9. Notes never break anything.
10. Languages: one more is one change; another default language breaks.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments.comparability.changes import KINDS, Change
from instruments.comparability.compare import compare
from instruments.instrument import Instrument, forms, load

HEAD = """
| settings |
| | form_id | version | default_language |
| | small | 1 | Tiếng Việt (vi) |
| survey |
| | type | name | label::English (en) | label::Tiếng Việt (vi) | relevant | constraint | calculation | codebook::unit | codebook::missing | codebook::formerly | codebook::preload | choice_filter | repeat_count |
"""  # noqa: E501 – a table
QUESTIONS = """
| | text | case_id | Case | Mã số | | | | | | | | | |
| | begin_group | work | Work | Việc làm | ${case_id} != '' | | | | | | | | |
| | select_one yn | works | Do you work? | Có làm việc không? | | | | | | | | | |
| | select_one yn | seeks | Do you look? | Có tìm việc không? | ${works} = 0 | | | | | | | | |
| | integer | hours | Hours a week | Số giờ một tuần | ${works} = 1 | . >= 0 and . <= 80 | | hours | -98=dont_know | | independent | | |
| | calculate | busy | | | | | if(${hours} > 40, 1, 0) | 0/1 | | | | | |
| | note | bye | Thank you | Cảm ơn | | | | | | | | | |
| | end_group | | | | | | | | | | | | |
"""  # noqa: E501 – a table
CHOICES = """
| choices |
| | list_name | name | label::English (en) | label::Tiếng Việt (vi) | missing |
| | yn | 1 | Yes | Có | |
| | yn | 0 | No | Không | |
| | yn | 98 | Don't know | Không biết | dont_know |
"""

Changed = Callable[..., list[Change]]


@pytest.fixture
def changed(form: Callable[[str], Instrument]) -> Changed:
    """What comes of replacing pieces of text in the form above."""

    def change(*pairs: tuple[str, str]) -> list[Change]:
        before = after = HEAD + QUESTIONS + CHOICES
        for old, new in pairs:
            assert old in after, old
            after = after.replace(old, new)
        return compare(form(before), form(after))

    return change


def told(changes: list[Change]) -> list[tuple[str, str, bool]]:
    assert all(change.kind in KINDS and change.why for change in changes)
    return [(change.kind, change.variable, change.breaks) for change in changes]


# 1


@pytest.mark.parametrize("name", forms())
def test_a_form_differs_from_itself_in_nothing(name: str) -> None:
    assert compare(load(name), load(name)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Hours a week", "hours  a week:"),
        ("${works} = 0", "( ${ works }=0 )"),
        (". >= 0 and . <= 80", "(. >= 0) and (. <= 80.0)"),
        (". >= 0 and . <= 80", "not(. < 0 or . > 80)"),
        ("${case_id} != ''", '${case_id} != ""'),
    ],
)
def test_the_way_of_writing_is_no_difference(changed: Changed, old: str, new: str) -> None:
    assert changed((old, new)) == []


# 2


def test_a_code_that_stands_for_another_answer_is_recoded(changed: Changed) -> None:
    (change,) = changed(("| Yes | Có |", "| Sometimes | Thỉnh thoảng |"))
    assert (change.kind, change.variable, change.breaks) == ("recoded", "[yn]", True)
    assert (change.before, change.after) == ("1 = Có", "1 = Thỉnh thoảng")


def test_codes_that_changed_places_say_what_they_were(changed: Changed) -> None:
    found = changed(("yn | 1 |", "yn | X |"), ("yn | 0 |", "yn | 1 |"), ("yn | X |", "yn | 0 |"))
    recoded = [change for change in found if change.kind == "recoded"]
    assert [change.why.rpartition("; ")[2] for change in recoded] == [
        "what it says now was code 1",
        "what it says now was code 0",
    ]


def test_an_answer_that_changed_its_code_is_recoded(changed: Changed) -> None:
    found = changed(("yn | 0 | No", "yn | 2 | No"))
    assert ("recoded", "[yn]", True) in told(found)
    assert "the answer that was 0 is 2" in [change.why for change in found]


def test_a_new_code_does_not_break_and_a_dropped_one_does(changed: Changed) -> None:
    more = changed(("| | yn | 98 |", "| | yn | 2 | Partly | Một phần | |\n| | yn | 98 |"))
    assert told(more) == [("list", "[yn]", False)]
    less = changed(("| | yn | 0 | No | Không | |\n", ""))
    assert told(less) == [("list", "[yn]", True)]


def test_choices_in_another_order_do_not_break(changed: Changed) -> None:
    yes, no = "| | yn | 1 | Yes | Có | |\n", "| | yn | 0 | No | Không | |\n"
    assert told(changed((yes + no, no + yes))) == [("list", "[yn]", False)]


def test_a_code_that_is_no_longer_missing_breaks(changed: Changed) -> None:
    assert told(changed(("| Không biết | dont_know |", "| Không biết | |"))) == [("missing", "[yn]", True)]


def test_a_question_with_another_list_is_compared_by_what_the_list_says(changed: Changed) -> None:
    twin = "| | yn2 | 1 | Yes | Có | |\n| | yn2 | 0 | No | Không | |\n"
    twin += "| | yn2 | 98 | DK | Không biết | dont_know |\n"
    other = twin.replace("Có", "Không có")
    assert told(
        changed(("select_one yn | seeks", "select_one yn2 | seeks"), ("| | yn | 1", twin + "| | yn | 1"))
    ) == [("reworded", "seeks", False)]
    found = changed(("select_one yn | seeks", "select_one yn2 | seeks"), ("| | yn | 1", other + "| | yn | 1"))
    assert ("recoded", "seeks", True) in told(found)


# 3


def test_words_in_the_default_language_break_and_in_another_do_not(changed: Changed) -> None:
    (change,) = changed(("Số giờ một tuần", "Số giờ một ngày"))
    assert (change.kind, change.variable, change.breaks, change.language) == ("reworded", "hours", True, "vi")
    (change,) = changed(("Hours a week", "Weekly hours"))
    assert (change.kind, change.breaks, change.language) == ("reworded", False, "en")
    assert told(changed(("| No | Không |", "| Never | Không |"))) == [("reworded", "[yn]", False)]


# 4


@pytest.mark.parametrize(
    ("constraint", "breaks"),
    [
        (". >= 0 and . <= 100", False),
        ("(. >= 0 and . <= 80) or . = -98", False),
        (". >= 0 and . <= 60", True),
        (". > 0 and . <= 100", True),
        (". <= ${case_id}", True),
        ("", False),
    ],
)
def test_a_range_breaks_where_values_are_refused_that_were_let_through(changed, constraint, breaks) -> None:
    assert told(changed((". >= 0 and . <= 80", constraint))) == [("ranged", "hours", breaks)]


# 5


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("| integer | hours", "| text | hours", ("retyped", "hours", True)),
        ("| integer | hours", "| decimal | hours", ("retyped", "hours", False)),
        ("| hours | -98", "| minutes | -98", ("unit", "hours", True)),
        ("-98=dont_know", "-98=refused", ("missing", "hours", True)),
        ("-98=dont_know", "-98=dont_know -99=refused", ("missing", "hours", False)),
        ("${hours} > 40", "${hours} > 35", ("recomputed", "busy", True)),
        ("| independent |", "| proactive |", ("preload", "hours", True)),
    ],
)
def test_what_makes_other_numbers_of_the_same_answer_breaks(changed: Changed, old, new, what) -> None:
    assert told(changed((old, new))) == [what]


# 6


def test_routing_is_told_of_the_question_whose_condition_changed(changed: Changed) -> None:
    (change,) = changed(("${works} = 0", "${works} = 0 or ${works} = 98"))
    assert (change.kind, change.variable, change.breaks) == ("rerouted", "seeks", True)
    assert (change.before, change.after) == ("${works} = 0", "${works} = 0 or ${works} = 98")


def test_routing_of_a_group_is_told_once(changed: Changed) -> None:
    assert told(changed(("${case_id} != ''", "${case_id} = '1'"))) == [("rerouted", "work", True)]


def test_a_condition_that_went_from_the_group_to_each_question_asks_the_same_people(form) -> None:
    rows = "| | begin_group | g | {} |\n| | text | a | {} |\n| | end_group | | |\n"
    head = "| survey |\n| | type | name | relevant |\n| | text | case_id | |\n"
    before = form(head + rows.format("${case_id} = 1", ""))
    after = form(head + rows.replace("| g |", "| h |").format("", "${case_id} = 1"))
    assert told(compare(before, after)) == [("moved", "a", False)]


# 7


def test_a_dropped_question_breaks_and_an_added_one_does_not(changed: Changed) -> None:
    found = changed(
        ("| text | case_id | Case |", "| text | person | Person number on the card |"), ("Mã số", "Số thẻ"),
        ("${case_id} != ''", ""),
    )  # fmt: skip
    assert told(found) == [
        ("rerouted", "work", True),
        ("added", "person", False),
        ("dropped", "case_id", True),
    ]


RENAMED = (("| hours | Hours", "| hours_w | Hours"), ("${hours}", "${hours_w}"))


def test_likeness_is_only_suggested(changed: Changed) -> None:
    found = changed(*RENAMED)
    assert told(found) == [
        ("added", "hours_w", False),
        ("recomputed", "busy", True),
        ("dropped", "hours", True),
        ("perhaps_renamed", "hours_w", False),
    ]
    assert "write hours in its codebook::formerly" in found[-1].why


def test_a_declared_rename_is_a_rename_and_nothing_else(changed: Changed) -> None:
    found = changed(*RENAMED, ("| hours | -98=dont_know | |", "| hours | -98=dont_know | hours |"))
    assert told(found) == [("renamed", "hours_w", True)]


# 8


def test_one_question_moved_among_many_is_one_change(changed: Changed) -> None:
    seeks = "| | select_one yn | seeks | Do you look? | Có tìm việc không? | ${works} = 0 | | | | | | | | |\n"
    end = "| | end_group | | | | | | | | | | | | |\n"
    assert told(changed((seeks, ""), (end, seeks + end))) == [("moved", "seeks", False)]


def test_into_a_repeat_breaks(changed: Changed) -> None:
    row = "| | calculate | busy"
    opened = "| | begin_repeat | again | Again | Lại | | | | | | | | | 3 |\n"
    closed = "| | end_repeat | | | | | | | | | | | | |\n| | note | bye"
    found = changed((row, opened + row), ("| | note | bye", closed))
    assert told(found) == [("repeated", "busy", True)]


# 9 and 10


def test_notes_never_break_anything(changed: Changed) -> None:
    assert told(changed(("Cảm ơn", "Cảm ơn anh chị"))) == [("reworded", "bye", False)]
    note = "| | note | bye | Thank you | Cảm ơn | | | | | | | | | |\n"
    assert told(changed((note, ""))) == [("dropped", "bye", False)]


def test_one_more_language_is_one_change_and_another_default_breaks(form) -> None:
    text = HEAD + QUESTIONS + CHOICES
    more = text.replace("| label::Tiếng Việt (vi) | relevant", "| label::日本語 (ja) | relevant")
    assert told(compare(form(text), form(more)))[0] == ("language", "", False)
    english = text.replace("| Tiếng Việt (vi) |\n| survey", "| English (en) |\n| survey")
    assert told(compare(form(text), form(english))) == [("language", "", True)]


def test_a_change_reads_as_one_line() -> None:
    change = Change("unit", "pay", "million\nVND", "yen", True, "the same number is another amount")
    assert str(change) == "! unit pay: million VND → yen (the same number is another amount)"
