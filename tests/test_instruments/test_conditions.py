"""Requirements.

1.  A question is called by its number and the beginning of its label, an answer by its label.
2.  Statements on one answer are brought together; limits become ranges; a "not" stands where it belongs.
3.  Of a multiple choice it is said what it includes; "none" goes with no other answer.
4.  Missing codes are said with their reason; years and months come before and after one another.
5.  Functions, arithmetic, look-ups in lists and patterns are said in words or signs.
6.  What cannot be said is shown as the expression it is, whole; nothing is left out and nothing raises.
7.  Every relevance, constraint and filter of the forms of the package is put in words wholly, in each
    language of theirs, and computed values have words of their own.
8.  A language is a file of phrases: the same keys and braces in each; what is missing is said in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.instrument import REFERENCE, Instrument, forms, load
from instruments.readable import phrases
from instruments.readable.conditions import tell, tell_all
from instruments.readable.names import Names, computed, shortened
from instruments.readable.patterns import in_signs
from instruments.readable.phrases import Phrases

Form = Callable[[str], Instrument]
Naming = Callable[[str], Names]
LANGUAGES = ("en", "vi")
SMALL = """
| survey  | type                 | name   | label::English (en)   | label::Tiếng Việt (vi)   | calculation | codebook::type    | codebook::unit | codebook::missing          | codebook::source |
|         | select_one yesno     | pay    | Paid work?            | Có việc?                 |             |                   |                |                            |                  |
|         | select_one why       | why    | Why not?              | Vì sao?                  |             |                   |                |                            |                  |
|         | select_multiple src  | src    | Sources               | Nguồn                    |             |                   |                |                            |                  |
|         | integer              | n      | How many?             | Bao nhiêu?               |             |                   | persons        | -98=dont_know -99=refused  |                  |
|         | integer              | dep_y  | Left: year            | Năm đi                   |             |                   | year           | 9998=unknown               |                  |
|         | integer              | ret_y  | Back: year            | Năm về                   |             |                   | year           | 9998=unknown               |                  |
|         | today                | today  |                       |                          |             |                   |                |                            |                  |
|         | calculate            | emp    |                       |                          | 1           | select_one yesno  |                |                            | has work         |
|         | calculate            | bare   |                       |                          | 1           | integer           | persons        |                            |                  |
|         | begin_repeat         | trips  | Trips                 | Chuyến đi                |             |                   |                |                            |                  |
|         | end_repeat           |        |                       |                          |             |                   |                |                            |                  |
| choices | list_name            | name   | label::English (en)   | label::Tiếng Việt (vi)   | missing     |
|         | yesno                | 1      | Yes                   | Có                       |             |
|         | yesno                | 0      | No                    | Không                    |             |
|         | why                  | 1      | Ill                   | Ốm                       |             |
|         | why                  | 2      | Study                 | Học                      |             |
|         | why                  | 3      | Home                  | Nội trợ                  |             |
|         | why                  | 98     | Don't know            | Không biết               | dont_know   |
|         | src                  | 0      | None                  | Không                    |             |
|         | src                  | 4      | Lender                | Người cho vay            |             |
|         | src                  | 99     | No answer             | Không trả lời            |             |
"""  # noqa: E501
NUMBERS = {"pay": "A1", "why": "A2", "n": "A3"}


@pytest.fixture
def names(form: Form) -> Naming:
    return lambda language: Names(form(SMALL), Phrases(language), NUMBERS)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("${pay} = 1", "A1 “Paid work?” is “Yes”"),  # 1
        ("1 = ${pay}", "A1 “Paid work?” is “Yes”"),
        ("selected(${pay}, '1')", "A1 “Paid work?” is “Yes”"),
        ("${emp} = 1", "has work: “Yes”"),
        ("${emp} != 1", "has work: not “Yes”"),
        ("${why} = 1 or ${why} = 3", "A2 “Why not?” is “Ill” or “Home”"),  # 2
        ("${why} != 1 and ${why} != 98", "A2 “Why not?” is not “Ill” or “Don't know”"),
        ("${why} >= 2", "A2 “Why not?” is “Study”, “Home” or “Don't know”"),
        ("${why} >= 2 and ${why} != 98", "A2 “Why not?” is “Study” or “Home”"),
        ("not(${why} = 1 or ${why} = 2)", "A2 “Why not?” is not “Ill” or “Study”"),
        ("not(${pay} = 1 and ${n} > 3)", "A1 “Paid work?” is not “Yes”, or A3 “How many?” is at most 3"),
        (
            "(${pay} = 1 or ${n} = 2) and ${why} = 1",
            "(A1 “Paid work?” is “Yes”, or A3 “How many?” is 2), and A2 “Why not?” is “Ill”",
        ),
        ("${n} != ''", "A3 “How many?” has an answer"),
        ("${n} = ''", "A3 “How many?” has no answer"),
        ("${n}", "A3 “How many?” has an answer"),
        ("not(${n})", "A3 “How many?” has no answer"),
        ("selected(${src}, '4')", "“Sources” includes “Lender”"),  # 3
        ("selected(${src}, '0') or selected(${src}, '99')", "“Sources” includes “None” or “No answer”"),
        (
            "selected(${src}, '0') and selected(${src}, '4')",
            "“Sources” includes “None”, and “Sources” includes “Lender”",
        ),
        (
            "not(selected(${src}, '0') or selected(${src}, '99'))",
            "“Sources” does not include “None” or “No answer”",
        ),
        ("${n} = -98", "A3 “How many?” is -98 (don't know)"),  # 4
        ("${ret_y} >= ${dep_y}", "“Back: year” is not before “Left: year”"),
        ("${ret_y} = ${dep_y}", "“Back: year” is the same as “Left: year”"),
        (
            "${ret_y} < number(format-date(${today}, '%Y'))",
            "“Back: year” is before the year of the interview",
        ),
        (
            "(${dep_y} - 1900) * 12 + ${n} <= (${ret_y} - 1900) * 12 + 6",
            "A3 “How many?” in the year given in “Left: year” is not after 6 in the year given in “Back: year”",  # noqa: E501
        ),
        ("${n} > 600 div 5", "A3 “How many?” is more than 120"),  # 5
        ("${n} > ${bare_} * 2", "the expression ${n} > ${bare_} * 2 is true"),
        ("count(${trips}) > 1", "the number of entries in “Trips” is more than 1"),
        ("count-selected(${src}) <= 3", "the number of answers chosen in “Sources” is at most 3"),
        (
            "${n} > instance('ccy')/root/item[name = ${why}]/large",
            "A3 “How many?” is more than what its list calls “large” for A2 “Why not?”",
        ),
        ("coalesce(${n}, ${dep_y}) = 3", "A3 “How many?”, or else “Left: year” is 3"),
        ("${bare} = 1", "the expression ${bare} = 1 is true"),  # 6
        ("position(..) > 1", "the expression position(..) > 1 is true"),
        ("/data/a = 1", "the expression /data/a = 1 is true"),
        ("${pay} = ", "the expression ${pay} = is true"),
    ],
)
def test_a_condition_is_said_in_english(names: Naming, expression: str, words: str) -> None:
    told = tell(expression, names("en"))
    assert told.text == words
    assert told.whole == (not words.startswith("the expression"))


@pytest.mark.parametrize(
    ("constraint", "own", "words"),
    [
        ("(. >= 0 and . <= 20) or . = -98", "n", "the answer is from 0 to 20, or -98 (don't know)"),
        (". >= 0 or . = -98 or . = -99", "n", "the answer is at least 0, -98 (don't know), or -99 (prefers not to answer)"),  # noqa: E501
        (
            "not(selected(., '0') and count-selected(.) > 1) and not(selected(., '99') and count-selected(.) > 1)",  # noqa: E501
            "src",
            "“None” and “No answer” cannot be chosen together with other answers",
        ),
        ("regex(., '^[A-Z]{2}[0-9]{6}$')", "n", "the answer is written as A–Z × 2, 0–9 × 6"),
        ("false()", "n", "never"),
        ("not(false())", "n", "always"),
        ("if(${pay} = 1, . > 2, . = 0)", "n", "if A1 “Paid work?” is “Yes”: the answer is more than 2; otherwise: the answer is 0"),  # noqa: E501
        ("name != 3", "why", "the choice is not “Home”"),
        ("assigned = ${n}", "why", "“assigned” of the entry is the same as A3 “How many?”"),
    ],
)  # fmt: skip
def test_limits_and_filters_speak_of_the_answer(names: Naming, constraint: str, own: str, words: str) -> None:
    assert tell(constraint, names("en"), own).text == words


def test_the_same_condition_in_vietnamese(names: Naming) -> None:  # 1
    told = tell("${pay} = 0 and (${why} = 1 or ${why} = 2)", names("vi"))
    assert told.text == "A1 “Có việc?” là “Không”, và A2 “Vì sao?” là “Ốm” hoặc “Học”"


def test_one_condition_that_cannot_be_said_leaves_the_others_their_words(
    names: Naming,
) -> None:
    told = tell_all(["${pay} = 1", "${bare} = 1"], names("en"))
    assert told.text == "A1 “Paid work?” is “Yes”; the expression ${bare} = 1 is true"
    assert not told.whole


def test_a_long_label_is_cut_at_a_blank_and_a_number_can_stand_alone(form: Form) -> None:  # 1
    assert shortened("one two three four", 12) == "one two …"
    brief = Names(form(SMALL), Phrases("en"), NUMBERS, brief=True)
    assert tell("${pay} = 1", brief).text == "A1 is “Yes”"


@pytest.mark.parametrize(
    ("pattern", "signs"),
    [
        ("^[+]?[0-9][0-9 ]{6,14}[0-9]$", "+ × 0–1, 0–9, 0–9 ␣ × 6–14, 0–9"),
        (r"^\d+$", "0–9 × 1–∞"),
        ("^(a|b)$", "^(a|b)$"),
    ],
)
def test_a_pattern_is_told_in_signs_or_shown(pattern: str, signs: str) -> None:  # 5
    assert in_signs(pattern) == signs


ATOMS = st.sampled_from(
    ["${pay} = 1", "${why} > 1", "selected(${src}, '0')", "${n} <= 5", "${bare} = 2", "${emp} = 0", "true()",
     "position(..) = 2", "${n} = ''", "count-selected(${src}) > 1", "${why} != 98", "${ret_y} > 2000"]
)  # fmt: skip
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda p: f"({p[0]}){p[1]}({p[2]})"),
        inner.map(lambda one: f"not({one})"),
    ),
    max_leaves=8,
)


@given(condition=CONDITIONS)
def test_any_condition_is_said_or_shown_whole(condition: str) -> None:  # 6
    from tests.test_instruments.conftest import read_markdown

    told = tell(condition, Names(Instrument.from_sheets(read_markdown(SMALL)), Phrases("vi"), NUMBERS))
    unsayable = "${bare}" in condition or "position" in condition
    assert told.whole != unsayable
    assert condition in told.text if unsayable else "${" not in told.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", forms())
def test_the_forms_of_the_package_are_put_in_words_wholly(name: str, language: str) -> None:  # 7
    instrument = load(name)
    names = Names(instrument, Phrases(language))
    unsaid = [
        (item.name, column, expression)
        for item in (*instrument.questions, *instrument.blocks)
        for column in ("relevant", "constraint", "choice_filter")
        if (expression := item.cells.get(column, "")) and not tell(expression, names, item.name).whole
    ]
    assert unsaid == []


def test_computed_values_that_conditions_use_have_words_in_each_language() -> None:  # 7
    used: dict[str, str] = {}
    for name in forms():
        instrument = load(name)
        rows = (*instrument.questions, *instrument.blocks)
        said = " ".join(item.cells.get(column, "") for item in rows for column in ("relevant", "constraint"))
        for one in instrument.questions:
            if one.kind == "calculate" and one.name in REFERENCE.findall(said):
                used[one.name] = name
    without = {
        name: form for name, form in used.items() if len(computed().get(name, {})) < 1 + len(LANGUAGES)
    }
    assert without == {}, "name them in modules/computed.csv"


@pytest.mark.parametrize("language", sorted(set(phrases.languages()) - {"en"}))
def test_each_language_says_the_same_phrases_with_the_same_braces(language: str) -> None:  # 8
    source, told = phrases.read("en"), phrases.read(language)
    assert set(told) == set(source)
    braces = re.compile(r"\{\w+\}")
    assert {k: sorted(braces.findall(told[k])) for k in source} == {
        k: sorted(braces.findall(source[k])) for k in source
    }


def test_what_a_language_does_not_say_is_said_in_english(tmp_path: Path) -> None:  # 8
    (tmp_path / "en.csv").write_text("key,text\nown,the answer\nalways,always\n", encoding="utf-8")
    (tmp_path / "xx.csv").write_text("key,text\nown,X\n", encoding="utf-8")
    told = Phrases("xx", tmp_path)
    assert (told("own"), told("always"), told.missing) == ("X", "always", ("always",))
