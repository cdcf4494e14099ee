"""Tables as values: protection, alignment, languages."""

import dataclasses

import numpy as np
import pytest

from analysis import tables
from analysis.disclosure import PUBLISHED, RESTRICTED
from analysis.tables import Column, Row, Table


def table(*rows: Row, columns: int = 1) -> Table:
    heads = tuple(Column(str(place), "") for place in range(columns))
    return Table("T1", "A table", heads, rows, source="ab12")


def shown(made: Table, language: str = "en") -> list[list[str]]:
    return [[cell.text for cell in line] for line in made.texts(language)]


def test_a_share_rests_on_its_numerator_and_its_base() -> None:
    rows = [
        Row("", (tables.share(part, n),)) for part, n in ((9, 200), (10, 200), (10, 29), (40, 80), (8, 8))
    ]
    assert shown(table(*rows).protect(RESTRICTED)) == [["–"], ["5.0"], ["(34)"], ["50"], ["–"]]


def test_a_rate_of_few_refusals_is_shown_because_only_its_base_counts() -> None:
    assert shown(table(Row("", (tables.share(4, 120, part_is_cell=False),))).protect(RESTRICTED)) == [["3.3"]]


def test_medians_need_twenty_people() -> None:
    rows = [Row("", (tables.median(12.0, n),)) for n in (19, 20, 30)]
    assert shown(table(*rows).protect(RESTRICTED)) == [["–"], ["(12.0)"], ["12.0"]]


def test_protection_removes_the_number_itself() -> None:
    cell = table(Row("", (tables.estimate(1.7, 8),))).protect(RESTRICTED).rows[0].cells[0]
    assert (cell.value, cell.n, cell.low, cell.mark) == (None, None, None, "suppressed")


def test_protecting_gives_a_new_table_and_leaves_the_old_one() -> None:
    before = table(Row("", (tables.count(3),)))
    copy = dataclasses.replace(before)
    before.protect(RESTRICTED).with_notes("a note")
    assert before == copy
    assert before.notes == ()


def test_protecting_twice_is_protecting_once() -> None:
    once = table(*(Row("", (tables.share(part, 25),)) for part in (3, 12, 22))).protect(RESTRICTED)
    assert once.protect(RESTRICTED) == once


def test_published_tables_print_a_single_person() -> None:
    made = table(Row("", (tables.count(1), tables.share(1, 18))), columns=2).protect(PUBLISHED)
    assert shown(made) == [["1", "6"]]


def test_vietnamese_writes_a_decimal_comma_and_dots_between_thousands() -> None:
    assert tables.format_number(12345.678, 2, "vi") == "12.345,68"
    assert tables.format_number(12345.678, 2, "en") == "12,345.68"


def test_a_negative_number_has_a_minus_sign_and_a_rounded_zero_none() -> None:
    assert tables.format_number(-3.04, 1) == "\u22123.0"
    assert tables.format_number(-0.04, 1) == "0.0"


def test_ends_of_an_interval_are_joined_by_a_word() -> None:
    made = table(Row("", (tables.ends(-0.07, 0.031, 120),)))
    assert shown(made.protect(RESTRICTED)) == [["\u22127.0 to 3.1"]]
    assert shown(made.protect(RESTRICTED), "vi") == [["\u22127,0 đến 3,1"]]


def test_a_small_p_value_is_not_printed_as_zero() -> None:
    assert shown(table(Row("", (tables.p_value(0.00004),)), Row("", (tables.p_value(0.25),)))) == [
        ["< 0.001"],
        ["0.250"],
    ]


def test_numbers_of_a_column_get_the_tail_that_aligns_their_decimal_marks() -> None:
    made = table(*(Row("", (tables.share(part, n),)) for part, n in ((50, 200), (40, 80), (12, 25)))).protect(
        RESTRICTED
    )
    assert [(line[0].text, line[0].pad) for line in made.texts()] == [
        ("25.0", ""),
        ("50", ".0"),
        ("(48)", "0"),
    ]


def test_a_row_of_the_wrong_length_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match=r"T1.*'Men'.*1 cells for 2 columns"):
        table(Row("Men", (tables.count(40),)), columns=2)


def test_crosstab_prints_the_base_only_where_answers_are_missing() -> None:
    blocks = [
        ("Area", ["Rural", "Urban"], np.array([[60], [40]])),
        ("Age", ["Young", "Old"], np.array([[50], [45]])),
    ]
    rows = tables.crosstab(blocks, RESTRICTED)
    assert [row.label for row in rows] == ["Area", "Rural", "Urban", "Age", "Young", "Old", "n"]
    assert rows[-1].cells[0].value == 95


def test_crosstab_never_prints_people_of_no_printed_group_but_protects_them() -> None:
    # men, women, neither, everybody: 3 of neither would follow from the other three numbers of the row
    counts = np.array([[40, 30, 3, 73], [30, 40, 11, 81]])
    rows = tables.crosstab(
        [("Area", ["Rural", "Urban"], counts)], RESTRICTED, rates=(False,) * 3, margin=True
    )
    printed = [[cell.value for cell in row.cells] for row in rows[1:]]
    assert all(len(line) == 3 for line in printed)
    assert printed == [[None, None, 73], [None, None, 81]]


def test_spanners_gather_neighbours() -> None:
    heads = tuple(Column(name, name, group) for name, group in (("a", "Men"), ("b", "Men"), ("c", "Women")))
    assert Table("T1", "", heads, ()).spanners() == (("Men", 2), ("Women", 1))


def test_long_form_keeps_group_kind_and_base() -> None:
    made = table(Row("Sex", kind="group"), Row("Men", (tables.share(30, 90),)))
    record = made.to_frame().iloc[0]
    assert (record["group"], record["row"], record["n"], round(record["value"], 3)) == (
        "Sex",
        "Men",
        90,
        0.333,
    )
