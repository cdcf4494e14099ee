"""Requirements.

1. A code of an attached list that says something else, is gone, or lies elsewhere breaks comparability; a
   code that is new, another order, and other days of validity do not.
2. Only files on both sides are compared; equal content gives nothing.
3. Code lists of the package are compared, lists of people and of sampling areas are not.
"""

from __future__ import annotations

import pytest

from instruments.comparability.attached import compared, files_of
from instruments.instrument import lists, load

OLD = """name,label,prov,valid_from
001,Ba Đình,01,2025-07-01
002,Ngọc Hà,01,2025-07-01
003,Yên Khê,40,2025-07-01
"""


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (("001,Ba Đình,01", "001,Ngọc Khánh,01"), [("recoded", True)]),
        (("001,Ba Đình,01,2025-07-01\n", ""), [("list", True)]),
        (("003,Yên Khê,40", "003,Yên Khê,38"), [("list", True)]),
        (("001,Ba Đình", "004,Ba Đình"), [("list", True), ("recoded", True)]),
        (("003,Yên Khê", "004,Môn Sơn,40,2026-01-01\n003,Yên Khê"), [("list", False)]),
        (("003,Yên Khê,40,2025-07-01", "003,Yên Khê,40,2025-07-02"), []),
        (("001,Ba Đình", "001,BA ĐÌNH"), []),
        (("prov", "prov"), []),
    ],
)
def test_what_a_change_of_a_file_means(
    change: tuple[str, str], kinds: list[tuple[str, bool]]
) -> None:  # 1, 2
    new = OLD.replace(*change)
    found = list(compared({"communes.csv": OLD.encode()}, {"communes.csv": new.encode()}))
    assert sorted((c.kind, c.breaks) for c in found) == kinds
    assert {c.variable for c in found} <= {"[communes.csv]"}


def test_another_order_breaks_nothing() -> None:  # 1
    head, *rest = OLD.splitlines()
    new = "\n".join([head, *reversed(rest)])
    (change,) = compared({"a.csv": OLD.encode()}, {"a.csv": new.encode()})
    assert not change.breaks


def test_a_file_on_one_side_alone_is_not_compared() -> None:  # 2
    assert list(compared({"a.csv": OLD.encode()}, {"b.csv": b""})) == []


def test_places_are_code_lists_and_people_are_not() -> None:  # 3
    assert files_of(load("rm_followup")) == ("vn_prov34.csv", "vn_commune.csv")
    assert "enumerators.csv" not in files_of(load("rm_baseline"))
    communes = lists("vn_commune.csv")
    moved = communes.replace("00004,Phường Ba Đình,01".encode(), "00004,Phường Ba Đình,04".encode())
    (change,) = compared({"vn_commune.csv": communes}, {"vn_commune.csv": moved})
    assert (change.before, change.after) == ("00004: prov 01", "00004: prov 04")
