"""Requirements.

1. Answers written as a submission come back as they were: every type, groups, repeats, nested repeats.
2. A value outside its list or of another type is a finding and an empty cell; all other cells stay.
3. A finding never shows the value of a sensitive or identifying variable.
4. Types: whole codes Int64, numbers typed also when calculated, dates as dates, datetimes as sent.
5. Missing codes stay until `without_missing`; a submission's frames exist even if there is none.
6. What is no XML, comes from another version, repeats or adds a question is said.
7. The frames of the real forms have a column per question, and old sheets read old answers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.codebook import Codebook, Variable, codebook
from instruments.decode import decode, without_missing
from instruments.instrument import Instrument, forms, load

Form = Callable[[str], Instrument]

EVERYTHING = """
| survey  | type               | name | calculation | codebook::type | codebook::sensitivity |
|         | begin_group        | grp  |             |                |                       |
|         | text               | t    |             |                | free_text             |
|         | integer            | i    |             |                |                       |
|         | begin_group        | deep |             |                |                       |
|         | decimal            | d    |             |                |                       |
|         | select_one yn      | one  |             |                |                       |
|         | end_group          |      |             |                |                       |
|         | end_group          |      |             |                |                       |
|         | select_one word    | word |             |                |                       |
|         | select_multiple yn | some |             |                | sensitive             |
|         | date               | day  |             |                |                       |
|         | dateTime           | at   |             |                |                       |
|         | calculate          | c    | ${i} * 2    | integer        |                       |
|         | select_one_from_file places.csv | place |  |            |                       |
|         | note               | n    |             |                |                       |
|         | begin_repeat       | kid  |             |                |                       |
|         | integer            | age  |             |                |                       |
|         | begin_repeat       | toy  |             |                |                       |
|         | text               | what |             |                |                       |
|         | end_repeat         |      |             |                |                       |
|         | end_repeat         |      |             |                |                       |
| choices | list_name          | name | label       | missing        |
|         | yn                 | 1    | Yes         |                |
|         | yn                 | 0    | No          |                |
|         | yn                 | 99   | No answer   | refused        |
|         | word               | a    | A           |                |
|         | word               | b    | B           |                |
"""
DTYPES = {"i": "Int64", "d": "Float64", "one": "Int64", "c": "Int64", "day": "datetime64[s]"}

Answers = dict[str, Any]


def element(name: str, value: Any) -> str:
    return "" if value is None else f"<{name}>{escape(str(value))}</{name}>"


def submission(answers: Answers, instrument: Instrument) -> str:
    """The XML of `EVERYTHING` for these answers; `kids` is a list of (age, toys)."""
    a = answers
    kids = "".join(
        f"<kid>{element('age', age)}{''.join('<toy>' + element('what', t) + '</toy>' for t in toys)}</kid>"
        for age, toys in a.get("kids", ())
    )
    top = "".join(element(k, a.get(k)) for k in ("word", "some", "day", "at", "c", "place"))
    deep = element("d", a.get("d")) + element("one", a.get("one"))
    return (
        f'<data xmlns:orx="http://openrosa.org/xforms" id="small" version="{instrument.version}">'
        f"<grp>{element('t', a.get('t'))}{element('i', a.get('i'))}<deep>{deep}</deep></grp>{top}<n/>{kids}"
        "<orx:meta><orx:instanceID>uuid:1</orx:instanceID></orx:meta></data>"
    )


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=8)
OPTIONAL = {
    "t": TEXT,
    "i": st.integers(-(2**63) + 1, 2**63 - 1),
    "d": st.floats(allow_nan=False, allow_infinity=False),
    "one": st.sampled_from([0, 1, 99]),
    "word": st.sampled_from(["a", "b"]),
    "some": st.sampled_from(["1", "1 0", "99"]),
    "day": st.dates(date(1700, 1, 1), date(2200, 1, 1)),
    "at": st.sampled_from(["2026-03-02T08:30:00.000+07:00"]),
    "c": st.integers(-5, 5),
    "place": st.sampled_from(["04279", "00004"]),
    "kids": st.lists(st.tuples(st.none() | st.integers(0, 17), st.lists(TEXT, max_size=2)), max_size=3),
}


@given(answers=st.lists(st.fixed_dictionaries({}, optional=OPTIONAL), max_size=4))
@settings(max_examples=120, deadline=None)
def test_answers_come_back_as_they_were_given(form: Form, answers: list[Answers]) -> None:  # 1, 4
    instrument = form(EVERYTHING)
    decoded = decode([(f"id{n}", submission(a, instrument)) for n, a in enumerate(answers)], instrument)
    assert decoded.findings == []
    frame = decoded.frames[""]
    assert list(frame.columns) == ["instance_id", *OPTIONAL][:-1]
    for name in list(OPTIONAL)[:-1]:
        assert [_plain(value) for value in frame[name]] == [a.get(name) for a in answers], name
        assert frame[name].dtype == DTYPES.get(name, "str")
    kids, toys = decoded.frames["kid"], decoded.frames["toy"]
    expected = [
        (f"id{n}", p, age) for n, a in enumerate(answers) for p, (age, _) in enumerate(a.get("kids", ()), 1)
    ]
    assert _rows(kids, "instance_id", "position", "age") == expected
    assert _rows(toys, "instance_id", "parent_position", "what") == [
        (f"id{n}", p, toy)
        for n, a in enumerate(answers)
        for p, (_, things) in enumerate(a.get("kids", ()), 1)
        for toy in things
    ]


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value


def _rows(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(_plain(value) for value in row) for row in frame[list(names)].itertuples(index=False)]


@pytest.mark.parametrize(
    ("name", "value", "code", "shown"),
    [
        ("one", "7", "value.outside_list", True),
        ("one", "01", "value.outside_list", True),
        ("word", "c", "value.outside_list", True),
        ("some", "1 7", "value.outside_list", False),
        ("i", "7.5", "value.type", True),
        ("i", "seven", "value.type", True),
        ("i", "9223372036854775808", "value.type", True),
        ("d", "1e999", "value.type", True),
        ("day", "2026-02-30", "value.type", True),
    ],
)
def test_a_misfit_is_a_finding_and_the_other_cells_survive(
    form: Form, name: str, value: str, code: str, shown: bool
) -> None:  # 2, 3
    instrument = form(EVERYTHING)
    answers = {"t": "words", "i": 3, "d": 7.5, "one": 1, "word": "a", "some": "1", "day": "2026-03-02"} | {
        name: value
    }
    decoded = decode([("id1", submission(answers, instrument))], instrument)
    (finding,) = decoded.findings
    assert (finding.level, finding.code, finding.where) == ("error", code, f"small/id1/{name}")
    assert (repr(value) in finding.message) == shown
    row = decoded.frames[""].iloc[0]
    assert [n for n in answers if pd.isna(row[n])] == [name]


def test_a_misfit_in_a_repeat_is_found_by_its_position(form: Form) -> None:  # 2
    instrument = form(EVERYTHING)
    decoded = decode([("id1", submission({"kids": [(3, ()), ("x", ())]}, instrument))], instrument)
    assert [finding.where for finding in decoded.findings] == ["small/id1/kid[2]/age"]


@pytest.mark.parametrize(
    ("text", "value"), [("3.0", 3), ("NaN", None), (" ", None), ("1E2", 100), ("-98", -98)]
)
def test_numbers_read_as_the_engine_writes_them(form: Form, text: str, value: int | None) -> None:  # 4
    instrument = form(EVERYTHING)
    decoded = decode([("id1", submission({"c": text}, instrument))], instrument)
    assert decoded.findings == []
    assert _plain(decoded.frames[""]["c"][0]) == value


def test_missing_codes_stay_until_they_are_taken_away(form: Form) -> None:  # 5
    instrument = form(EVERYTHING)
    book = Codebook([Variable("i", "small", "integer", missing={"-98": "dont_know"}), *instrument.variables])
    records = [("a", submission({"i": -98, "one": 99, "some": "99"}, instrument))]
    records += [("b", submission({"i": 98, "one": 1, "some": "1 0"}, instrument))]
    frame = decode(records, instrument).frames[""]
    assert frame["i"].tolist() == [-98, 98]
    emptied = without_missing(frame, book, "small")
    assert [[_plain(v) for v in emptied[n]] for n in ("i", "one", "some")] == [
        [None, 98],
        [None, 1],
        [None, "1 0"],
    ]
    assert emptied.dtypes.equals(frame.dtypes)
    assert frame["one"].tolist() == [99, 1]


def test_no_submission_gives_empty_frames_of_the_same_shape(form: Form) -> None:  # 5
    frames = decode([], form(EVERYTHING)).frames
    assert set(frames) == {"", "kid", "toy"}
    assert len(frames[""]) == 0
    assert frames[""]["i"].dtype == "Int64"
    assert list(frames["toy"].columns) == ["instance_id", "position", "parent_position", "what"]


@pytest.mark.parametrize(
    ("xml", "code", "rows"),
    [
        ("<data><i>1</i>", "submission.unreadable", 0),
        ('<data version="1.old"><i>1</i></data>', "submission.other_form", 1),
        ('<data id="other"><i>1</i></data>', "submission.other_form", 1),
        ("<data><i>1</i><gone>secret</gone></data>", "submission.unknown_variable", 1),
        ("<data><i>1</i><i>2</i></data>", "submission.repeated_variable", 1),
    ],
)
def test_what_does_not_fit_the_form_is_said(form: Form, xml: str, code: str, rows: int) -> None:  # 6
    decoded = decode([("id1", xml)], form(EVERYTHING))
    assert [finding.code for finding in decoded.findings] == [code]
    assert decoded.frames[""]["i"].tolist() == [1] * rows
    assert "secret" not in str(decoded.findings)


def test_an_entity_in_a_submission_is_not_followed(form: Form) -> None:
    xml = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><data><t>&x;</t></data>'
    frame = decode([("id1", xml)], form(EVERYTHING)).frames[""]
    assert frame["t"].isna().all()


def test_a_repeat_template_is_no_answer(form: Form) -> None:
    kids = '<kid jr:template=""><age>1</age></kid><kid><age>2</age></kid>'
    xml = f'<data xmlns:jr="http://openrosa.org/javarosa">{kids}</data>'
    assert decode([("id1", xml)], form(EVERYTHING)).frames["kid"]["age"].tolist() == [2]


@pytest.mark.parametrize("name", forms())
def test_the_real_forms_have_a_column_per_question(name: str) -> None:  # 7
    instrument = load(name)
    frames = decode([], instrument, codebook([instrument])).frames
    held = [column for frame in frames.values() for column in frame.columns if column != "instance_id"]
    assert [c for c in held if c != "position"] == [
        v.name for repeat in ("", *instrument.repeats) for v in instrument.variables if v.repeat == repeat
    ]


def test_old_answers_are_read_by_the_sheets_they_were_given_under(form: Form) -> None:  # 7
    old = form(EVERYTHING)
    new = form(EVERYTHING.replace("| b    | B ", "| c    | C "))
    record = [("id1", submission({"word": "b"}, old))]
    assert decode(record, Instrument.from_sheets(old.sheets)).frames[""]["word"].tolist() == ["b"]
    assert {finding.code for finding in decode(record, new).findings} == {
        "submission.other_form",
        "value.outside_list",
    }
