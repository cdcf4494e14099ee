"""Requirements.

1. Every place file has a version: when it was in force, its source, and a digest that a change would break.
2. The 63 provinces and Ha Tay lie in the 34 units of today: 11 unchanged, 23 made by merging 52.
3. A code is read by its list: seven codes mean another place in each.
4. What is no list or no code of it is an error that says so.
5. The mapping analysis uses says the same; a code of another corridor stays as it is.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from hashlib import sha256

import pandas as pd
import pytest

from analysis import persons
from analysis.persons import provinces
from instruments.places import code_lists, crosswalk, list_files, province_now


def test_every_place_file_has_a_version_that_is_its_own() -> None:  # 1
    known = code_lists()
    assert {item.file for item in known.values()} == set(list_files())
    for item in known.values():
        digest = sha256(list_files()[item.file].read_bytes()).hexdigest()
        assert digest == item.sha256, f"{item.file} changed: give it a new version, not a new meaning"
        assert item.source


@pytest.mark.parametrize(
    ("day", "lists"),
    [(date(2025, 6, 30), {"vn63"}), (date(2025, 7, 1), {"vn34", "vn_commune"})],
)
def test_one_list_of_provinces_is_in_force_on_a_day(day: date, lists: set[str]) -> None:  # 1
    known = {name: item for name, item in code_lists().items() if item.corridor == "vn-jp"}
    assert {name for name, item in known.items() if item.is_in_force(day)} == lists


def test_52_provinces_became_23_and_11_stayed() -> None:  # 2
    crossings = crosswalk()
    assert Counter(crossing.changed for crossing in crossings) == {"2025": 52, "": 11, "2008": 1}
    assert len({c.now_code for c in crossings if c.changed == "2025"}) == 23
    unchanged = {c.label for c in crossings if not c.changed}
    assert unchanged == {
        *("Hà Nội", "Cao Bằng", "Điện Biên", "Lai Châu", "Sơn La", "Lạng Sơn", "Quảng Ninh"),
        *("Thanh Hóa", "Nghệ An", "Hà Tĩnh", "Thừa Thiên Huế"),
    }


@pytest.mark.parametrize(
    ("code", "was", "now", "now_label"),
    [
        ("15", "Yên Bái", "15", "Lào Cai"),
        ("10", "Lào Cai", "15", "Lào Cai"),
        ("24", "Bắc Giang", "24", "Bắc Ninh"),
        ("44", "Quảng Bình", "44", "Quảng Trị"),
        ("52", "Bình Định", "52", "Gia Lai"),
        ("80", "Long An", "80", "Tây Ninh"),
        ("82", "Tiền Giang", "82", "Đồng Tháp"),
        ("91", "Kiên Giang", "91", "An Giang"),
        ("74", "Bình Dương", "79", "Thành phố Hồ Chí Minh"),
        ("28", "Hà Tây", "01", "Hà Nội"),
    ],
)
def test_an_old_code_is_read_by_the_old_list(code: str, was: str, now: str, now_label: str) -> None:  # 2, 3
    crossing = next(item for item in crosswalk() if item.code == code)
    assert (crossing.label, crossing.now_code, crossing.now_label) == (was, now, now_label)
    assert province_now(code, "vn63") == now


def test_a_code_of_today_stays_itself() -> None:  # 3
    assert province_now("15", "vn34") == "15"


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("10", "vn34", "The list vn34 has no code '10'"),
        ("1", "vn63", "The list vn63 has no code '1'; a code has two digits"),
        ("01", "vn", "'vn' is no list of provinces; there are vn63, vn34"),
    ],
)
def test_a_code_without_its_list_is_an_error(code: str, name: str, message: str) -> None:  # 4
    with pytest.raises(ValueError, match=message):
        province_now(code, name)


def test_analysis_maps_provinces_alike() -> None:  # 5
    assert provinces().to_dict() == {crossing.code: crossing.now_code for crossing in crosswalk()}


def test_analysis_reads_a_province_by_its_corridor() -> None:  # 5
    codes = pd.Series(["15", "15", "0102", None, "15"], dtype="string")
    corridor = pd.Series([1, 4, 5, 1, None], dtype="Int64")
    now = persons.province_now(codes, corridor)
    assert now.fillna("").to_list() == ["15", "15", "0102", "", "15"]
    other = persons.province_now(pd.Series(["02", "02"], dtype="string"), corridor[:2])
    assert other.to_list() == ["08", "02"]
