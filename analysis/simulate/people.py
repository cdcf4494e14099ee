"""Facts of invented returnees from Japan, drawn as arrays: who they are, their stay, its costs, their ways.

Distributions follow the orders of magnitude in Hoang (2020) and in surveys of returned interns; none is an
estimate. Names and phone numbers are invented: every number begins with 000, which no subscriber has. What
happens after the return is months.py.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]

SURNAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương")
MIDDLE = {1: ("Văn", "Đức", "Xuân", "Hữu", "Quang", "Minh"), 2: ("Thị", "Ngọc", "Thu", "Thanh", "Kim")}
GIVEN = {
    1: ("An", "Bình", "Cường", "Dũng", "Hải", "Hùng", "Khánh", "Long", "Nam", "Phúc", "Sơn", "Tuấn", "Việt"),
    2: ("Anh", "Chi", "Dung", "Hà", "Hạnh", "Hoa", "Hương", "Lan", "Linh", "Mai", "Nga", "Thảo", "Yến"),
}
SSW_BEGAN = (2019 - 1900) * 12 + 4
SECTORS = {1: (4, 3, 9, 11, 5, 6, 20, 16), 2: (11, 1, 20, 9, 3, 8, 12, 2)}
PREFECTURES = (13, 23, 27, 11, 12, 14, 28, 40, 34, 22, 10, 8, 21, 24, 26)


@dataclass(frozen=True, slots=True)
class Area:
    """A sampling area: frozen code, province on the list of 63 units and on that of 34 (from July 2025)."""

    code: str
    label: str
    prov_old: str
    prov_new: str
    stratum: str


def default_areas(count: int = 24) -> tuple[Area, ...]:
    """Invented areas in six provinces that send many people to Japan; the stratum is the new province."""
    provinces = (
        ("40", "40", "Nghệ An"),
        ("42", "42", "Hà Tĩnh"),
        ("38", "38", "Thanh Hóa"),
        ("30", "31", "Hải Dương"),
        ("34", "33", "Thái Bình"),
        ("24", "24", "Bắc Giang"),
    )
    out = []
    for i in range(count):
        old, new, name = provinces[i % len(provinces)]
        out.append(Area(f"A{i + 1:03d}", f"{name} – địa bàn {i // len(provinces) + 1}", old, new, new))
    return tuple(out)


def draw_people(
    rng: np.random.Generator, n: int, *, start_cm: int, recruit_months: int, inflow: float, areas: int
) -> Columns:
    """One array per fact, length `n`; recruitment takes `recruit_months` from the month `start_cm` on."""
    c: Columns = {}
    c["female"] = rng.random(n) < 0.38
    c["sex"] = np.where(c["female"], 2, 1)
    c["inflow"] = rng.random(n) < inflow
    c["recruit_cm"] = start_cm + rng.integers(0, recruit_months, n)
    since = np.where(c["inflow"], rng.integers(0, 13, n), rng.integers(13, 61, n))
    c["ret_cm"] = c["recruit_cm"] - since
    c["area"] = rng.integers(0, areas, n)
    c["frame_src"] = rng.choice([1, 2, 3], n, p=[0.7, 0.2, 0.1])
    _stay(rng, n, c)
    _home(rng, n, c)
    _money(rng, n, c)
    _ways(rng, n, c)
    return c


def _stay(rng: np.random.Generator, n: int, c: Columns) -> None:
    first = rng.choice([2, 5, 12, 10], n, p=[0.74, 0.16, 0.06, 0.04])
    months = np.select(
        [first == 2, first == 5], [rng.choice([12, 35, 36, 37, 58, 60], n), rng.integers(14, 60, n)], 0
    )
    months = np.where(months == 0, rng.integers(18, 60, n), months)
    too_early = (first == 5) & (c["ret_cm"] - months < SSW_BEGAN)
    c["prog1"] = np.where(too_early, 2, first)
    intern_last = np.where(months <= 14, 2, np.where(months <= 40, 3, 4))
    c["prog2"] = np.where(c["prog1"] == 2, intern_last, c["prog1"])
    c["ssw"] = c["prog1"] == 5
    c["abroad_mo"] = months
    c["dep_cm"] = c["ret_cm"] - months
    c["purpose"] = np.where(c["prog1"] == 12, 2, 1)
    c["n_emp"] = np.where(
        c["prog1"] == 12, rng.integers(0, 2, n), rng.choice([1, 2, 3], n, p=[0.8, 0.15, 0.05])
    )
    by_sex = [np.asarray(SECTORS[1]), np.asarray(SECTORS[2])]
    pick = rng.integers(0, 8, n)
    c["sector"] = np.where(c["female"], by_sex[1][pick], by_sex[0][pick])
    c["pref"] = rng.choice(PREFECTURES, n)
    c["jlpt"] = rng.choice([0, 5, 4, 3, 2, 1], n, p=[0.25, 0.2, 0.28, 0.2, 0.06, 0.01])
    c["n_prior"] = rng.choice([0, 1, 2], n, p=[0.85, 0.12, 0.03])
    c["ret_why"] = rng.choice([1, 2, 3, 4, 7, 10], n, p=[0.6, 0.08, 0.14, 0.08, 0.05, 0.05])


def _home(rng: np.random.Generator, n: int, c: Columns) -> None:
    age_back = np.clip(rng.normal(28, 4.5, n), 18.5 + c["abroad_mo"] / 12, 52)
    born = c["ret_cm"] - np.round(age_back * 12).astype(int)
    c["birth_y"], c["birth_m"] = 1900 + (born - 1) // 12, (born - 1) % 12 + 1
    c["edu"] = rng.choice([2, 3, 5, 6, 7], n, p=[0.17, 0.5, 0.12, 0.13, 0.08])
    c["married"] = rng.random(n) < np.clip((age_back - 20) / 14, 0.05, 0.85)
    c["hh_size"] = rng.integers(2, 7, n) + c["married"]
    c["hh_child"] = np.minimum(
        np.where(c["married"], rng.integers(0, 3, n), rng.integers(0, 2, n)), c["hh_size"] - 1
    )
    c["hh_abroad"] = rng.random(n) < 0.22
    c["rural"] = rng.random(n) < 0.85
    c["born_here"] = rng.random(n) < 0.93
    c["pre_act"] = rng.choice([1, 2, 3, 5, 6, 7], n, p=[0.35, 0.15, 0.15, 0.22, 0.08, 0.05])
    surname = rng.integers(0, len(SURNAMES), n)
    middle, given = rng.integers(0, 5, n), rng.integers(0, 13, n)
    sexes = c["sex"].tolist()
    c["name"] = np.array(
        [
            f"{SURNAMES[a]} {MIDDLE[s][b]} {GIVEN[s][g]}"
            for s, a, b, g in zip(sexes, surname.tolist(), middle.tolist(), given.tolist(), strict=True)
        ],
        dtype=object,
    )


def _money(rng: np.random.Generator, n: int, c: Columns) -> None:
    """Costs in million dong, pay in Japan in yen."""
    c["rc_total"] = np.round(np.exp(rng.normal(np.where(c["ssw"], 4.4, 4.9), 0.3, n)), 0)
    share = np.where(rng.random(n) < 0.2, 0.0, rng.uniform(0.3, 0.95, n))
    c["loan_amt"] = np.round(c["rc_total"] * share, 0)
    c["loan_rate"] = np.round(rng.uniform(0.5, 1.6, n), 1)
    logit = -1.3 + 0.014 * c["loan_amt"] - 0.02 * (c["abroad_mo"] - 36)
    c["debt_at_return"] = (c["loan_amt"] > 0) & (rng.random(n) < 1 / (1 + np.exp(-logit)))
    c["repay_mo"] = np.minimum(rng.integers(8, 27, n), c["abroad_mo"] - 1)
    c["pay_contr"] = np.round(rng.normal(np.where(c["ssw"], 195, 162), 12, n), 0) * 1000
    c["pay_first"] = np.round(c["pay_contr"] * rng.uniform(0.55, 0.8, n), -3)
    c["pay_last"] = np.round(c["pay_first"] * rng.uniform(1.0, 1.35, n), -3)
    c["sav_abr"] = np.round(c["pay_last"] * rng.uniform(0.35, 0.7, n), -3)
    c["sav_ret"] = np.round(np.maximum(0, c["sav_abr"] * c["abroad_mo"] * 1.7e-4 - c["loan_amt"]) * 0.8, 0)
    c["loan_z"] = (c["loan_amt"] - 70.0) / 45.0


def _ways(rng: np.random.Generator, n: int, c: Columns) -> None:
    """How a person takes to being asked; standard normal unless said."""
    c["reach"], c["openness"], c["mood"] = rng.normal(size=(3, n))
    c["forgets"] = rng.beta(1, 14, n)  # share of months not remembered
    c["withholds"] = rng.beta(1, 40, n)  # share of items answered with don't know or no answer
    c["refuses"] = rng.beta(1.2, 22, n)  # chance of refusing a wave when reached
    c["short_stay"] = rng.random(n) < 0.02  # on the list, yet not eligible
    c["phone_abroad"] = rng.random(n) < 0.65  # can be reached by call when abroad
    c["proxy_knows"] = rng.random(n) < 0.75
    c["willing"] = rng.choice([1, 2, 3, 4, 5], n, p=[0.06, 0.1, 0.16, 0.4, 0.28])
    c["ready"] = rng.choice([1, 2, 3, 4, 5], n, p=[0.08, 0.2, 0.24, 0.34, 0.14])
    c["noise"] = rng.normal(size=n)


def phone(number: int, line: int = 0) -> str:
    """A phone number nobody has: it begins with 000."""
    return f"000{line}{number:06d}"
