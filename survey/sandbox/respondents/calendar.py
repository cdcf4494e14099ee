"""The activity calendar: a person's spells as told, boundaries remembered once for both sides.

Follows the rule of the form: a period ends in the month in which the next begins, exactly one is still
going on and it is the last. Job titles are the same at every visit for the same job.
"""

from typing import Any

from survey.sandbox.respondents.habits import (
    Answers,
    Respondent,
    Screen,
    away_commune,
    country_of,
    year_month,
)

# title, what one does, ISCO-08 major group, what the place makes, ISIC section of the list
EMPLOYEE = (
    ("Công nhân may", "May quần áo", 8, "Xưởng may", 3),
    ("Công nhân điện tử", "Lắp ráp linh kiện", 8, "Nhà máy điện tử", 3),
    ("Thợ xây", "Xây nhà", 7, "Đội xây dựng", 6),
    ("Thợ hàn", "Hàn khung thép", 7, "Xưởng cơ khí", 3),
    ("Lái xe tải", "Chở hàng", 8, "Vận tải", 8),
    ("Bán hàng", "Bán tại cửa hàng", 5, "Cửa hàng điện máy", 7),
    ("Giáo viên tiếng Nhật", "Dạy tiếng Nhật", 2, "Trung tâm tiếng Nhật", 16),
    ("Nhân viên tuyển dụng", "Tuyển lao động", 4, "Công ty phái cử", 14),
    ("Phụ bếp", "Nấu ăn", 5, "Nhà hàng", 9),
)
BUSINESS = (
    ("Bán tạp hóa", "Bán hàng tại nhà", 5, "Tạp hóa", 7),
    ("Sửa xe máy", "Sửa xe", 7, "Tiệm sửa xe", 7),
    ("Quán ăn", "Nấu và bán đồ ăn", 5, "Quán ăn", 9),
    ("Bán hàng qua mạng", "Bán quần áo", 5, "Bán lẻ", 7),
)
FARM = (
    ("Trồng rau để bán", "Trồng rau", 6, "Ruộng của gia đình", 1),
    ("Nuôi lợn", "Chăn nuôi", 6, "Trại chăn nuôi", 1),
    ("Nuôi tôm", "Nuôi trồng thủy sản", 6, "Ao nuôi", 1),
)
ABROAD = (
    ("Công nhân nhà máy", "Lắp ráp", 8, "Nhà máy", 3),
    ("Hộ lý", "Chăm sóc người già", 5, "Viện dưỡng lão", 17),
)
JOBS = {1: EMPLOYEE, 2: BUSINESS, 3: FARM, 4: BUSINESS, 12: ABROAD}


def job_of(person: Respondent, state: int, number: int) -> tuple[str, str, int, str, int]:
    """Title, tasks, occupation group, activity and industry of a person's `number`-th job."""
    return person.fixed(f"job {number}").choice(JOBS[state])


def told_calendar(person: Respondent, screen: Screen, since: int) -> list[Answers]:
    """The periods of the repeat `ehc` from the month `since` to the visit."""
    spells = person.truth.spells(person.cm, since)
    return [_period(person, screen, spell) for spell in spells]


def _period(person: Respondent, screen: Screen, spell: dict[str, Any]) -> Answers:
    beg_y, beg_m = told_change(person, spell["beg"])
    told: Answers = {
        "sp_beg_y": beg_y,
        "sp_beg_m": beg_m,
        "sp_state": spell["state"],
        "sp_place": spell["place"],
        "sp_on": int(spell["end"] is None),
    }
    if spell["state"] in JOBS:
        told["sp_job"] = job_of(person, spell["state"], spell["job"])[0]
    if spell["place"] == 3:
        told["sp_prov"] = away_commune(person, screen)[0]
    if spell["place"] == 4:
        told["sp_ctry"] = country_of(person)[0]
    if spell["end"] is not None:
        told["sp_end_y"], told["sp_end_m"] = told_change(person, spell["end"])
    return told


def told_change(person: Respondent, cm: int) -> tuple[int, int]:
    """Year and month of a change: the return as told elsewhere in the interview, the year always known."""
    if cm == person.truth.ret_cm:
        return told_return(person)
    year, month = person.month(cm, "change")
    return (year_month(cm)[0], 98) if year == 9998 else (year, month)


def told_return(person: Respondent) -> tuple[int, int]:
    """Year and month of the return; a month of this year is never forgotten, nor is a recent year."""
    ret = person.truth.ret_cm
    year, month = person.fixed("0/return").choices(
        [year_month(ret), (year_month(ret)[0], 98)], weights=[1, 0.5 * person.facts["forgets"]]
    )[0]
    return (year, month) if year < person.day.year else year_month(ret)


def last_change(person: Respondent, path: str) -> int:
    """The century month in which the present value of a path of the truth (`place`, `job`, …) began."""
    values = getattr(person.truth, path)
    at = person.now
    while at > 0 and values[at - 1] == values[person.now]:
        at -= 1
    return person.truth.ret_cm + at
