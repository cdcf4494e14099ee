"""Phone numbers come out in one spelling, whatever a list made of them."""

import pytest

from survey.people.phones import normal, spellings


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0912000111", "+84912000111"),
        ("091 200 0111", "+84912000111"),
        ("091.200.0111", "+84912000111"),
        ("(091) 200-0111", "+84912000111"),
        ("+84 912 000 111", "+84912000111"),
        ("+84 (0)912 000 111", "+84912000111"),
        ("0084912000111", "+84912000111"),
        ("84912000111", "+84912000111"),
        ("912000111", "+84912000111"),  # a spreadsheet took the zero
        ("0912000111 / 0987000222", "+84912000111"),
        ("0912000111 hoặc 0987000222", "+84912000111"),
        ("0123 4567 890", "+84834567890"),  # before the renumbering of 2018
        ("+841234567890", "+84834567890"),
        ("01691234567", "+84391234567"),
        ("0238 384 2123", "+842383842123"),  # a land line in Nghe An
        ("+81 90 1234 5678", "+819012345678"),
        ("0081 90 1234 5678", "+819012345678"),
        ("", ""),
        ("không có", ""),
        ("123", ""),
        ("0000000000", ""),
        ("091200011A", ""),
        ("09120001112223334", ""),
    ],
)
def test_a_number_has_one_spelling(typed, number):
    assert normal(typed) == number


def test_another_country_has_its_own_prefix():
    assert normal("012 345 678", country="855") == "+85512345678"


def test_a_number_is_normal_for_good():
    assert normal(normal("091 200 0111")) == "+84912000111"


def test_the_ways_in_which_a_number_may_be_written():
    assert spellings("+84912000111") == {"+84912000111", "84912000111", "0912000111"}
    assert spellings("+819012345678") == {"+819012345678", "819012345678"}
    assert spellings("0912 000 111") == {"0912 000 111"}
    assert spellings("") == frozenset()
