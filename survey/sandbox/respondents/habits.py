"""How a simulated person answers: forgotten months, items withheld, ratings by mood, choices by default.

A `Respondent` is one person on one day. All chance comes from a seed of person, wave and form, or of the
person alone (`fixed`) for what must be the same at every visit. `Screen` is what the tablet shows besides
the questions: the attached lists. Answers that follow from the truth are in the other modules of this
package.
"""

import csv
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from analysis.simulate import Truth
from instruments.instrument import Instrument, Question

Answers = dict[str, Any]
SCALES = ("agree5", "rate5", "sat5", "freq5", "ease5", "extent5", "useful5", "suff5")
OTHER = ("96", "996")
KEPT = (
    "con_",
    "scr_",
    "id_",
    "sv_",
    "res_code",
    "int_mode",
    "int_lang",
    "cur_loc",
    "sex",
    "di_",
    "ct_",
    "birth_",
)
WORST_FIRST = {"freq5": False}  # on the other scales 5 is the good end


@dataclass(frozen=True)
class Screen:
    """The attached lists on the tablet, by file name without its ending."""

    folder: Path

    @cached_property
    def communes(self) -> dict[str, list[str]]:
        """Commune codes by province."""
        out: dict[str, list[str]] = {}
        for row in rows_of(self.folder / "vn_commune.csv"):
            out.setdefault(row["prov"], []).append(row["name"])
        return out


@dataclass(frozen=True)
class Respondent:
    """A person on the day of a visit in a wave."""

    truth: Truth
    day: date
    wave: int
    seed: str

    @property
    def cm(self) -> int:
        return (self.day.year - 1900) * 12 + self.day.month

    @property
    def now(self) -> int:
        """The column of this month in the arrays of the truth."""
        return self.truth.at(self.cm)

    @property
    def facts(self) -> dict[str, Any]:
        return self.truth.facts

    @cached_property
    def rng(self) -> random.Random:
        return random.Random(f"{self.seed}/{self.truth.case_id}/{self.wave}/{self.day}")

    def fixed(self, key: str) -> random.Random:
        """Chance that is the same at every visit to this person."""
        return random.Random(f"{self.seed}/{self.truth.case_id}/{key}")

    def yes(self, chance: float) -> int:
        return int(self.rng.random() < chance)

    def month(self, cm: int, key: str = "") -> tuple[int, int]:
        """Year and month as remembered: now and then the month is not known (98), rarely the year (9998).

        The same event is remembered in the same way at every visit of a wave: `key` names it.
        """
        dice = self.fixed(f"{self.wave}/{key or 'month'}/{cm}").random()
        year, month = year_month(cm)
        if dice < 0.03 * self.facts["forgets"]:
            return 9998, 98
        return (year, 98) if dice < self.facts["forgets"] else (year, month)

    def rating(self, lift: float = 0.0, worst_first: bool = True) -> int:
        """1 to 5 around the middle, moved by mood and by `lift` towards the good end."""
        score = 3.2 + 0.5 * self.facts["mood"] + lift + self.rng.gauss(0, 0.8)
        good = min(5, max(1, round(score)))
        return good if worst_first else 6 - good

    def some(self, codes: Iterable[int], at_most: int = 3) -> list[int]:
        """One to `at_most` different codes."""
        pool = list(codes)
        return sorted(self.rng.sample(pool, self.rng.randint(1, min(at_most, len(pool)))))


def filled_up(answers: Answers, instrument: Instrument, person: Respondent) -> Answers:
    """The answers with every select of the form that nothing was said about, and with some items withheld."""
    for question in instrument.questions:
        if question.name not in answers and not question.repeat:
            _by_default(answers, question, instrument, person)
    for name, codes in withheld_codes(instrument).items():
        if name in answers and person.rng.random() < person.facts["withholds"]:
            answers[name] = person.rng.choice(codes)
    return answers


def _by_default(answers: Answers, question: Question, instrument: Instrument, person: Respondent) -> None:
    if question.kind not in ("select_one", "select_multiple"):
        return
    if question.list_name in SCALES:
        answers[question.name] = person.rating(worst_first=WORST_FIRST.get(question.list_name, True))
        return
    missing = set(withheld_codes(instrument).get(question.name, ()))
    codes = [c.name for c in instrument.choices(question.list_name) if c.name not in missing]
    usual = [c for c in codes if c not in OTHER and c != "0"] or codes
    chosen = person.rng.choice(usual)
    if set(codes) & set(OTHER) and person.rng.random() < 0.03:
        chosen = next(c for c in codes if c in OTHER)
        answers[f"{question.name}_oth"] = "khác"
    answers[question.name] = chosen


@cache
def withheld_codes(instrument: Instrument) -> dict[str, Sequence[str]]:
    """Question → its codes for don't know and no answer, where the interview goes on without the answer."""
    out: dict[str, Sequence[str]] = {}
    for question in instrument.questions:
        if question.repeat or question.name.startswith(KEPT) or question.list_name in ("month", "act_state"):
            continue
        codes = [
            c.name for c in instrument.choices(question.list_name) if c.name in ("98", "99", "998", "999")
        ]
        if question.type in ("integer", "decimal"):
            codes = [c for c in ("-98", "-99") if c in question.cell("constraint")]
        if codes:
            out[question.name] = tuple(codes)
    return out


def slips(answers: Answers, person: Respondent) -> Answers:
    """Now and then a first entry that the tablet refuses, and its correction."""
    for name, wrong in (
        ("life_sat", 11),
        ("hh_size", 52),
        ("birth_y", 190),
        ("phone1", "12"),
        ("job_hours", 480),
    ):
        if name in answers and person.rng.random() < 0.02:
            answers[name] = {"tries": [wrong, answers[name]]}
    return answers


def year_month(cm: int) -> tuple[int, int]:
    return 1900 + (cm - 1) // 12, (cm - 1) % 12 + 1


def home_commune(person: Respondent, screen: Screen) -> str:
    """The commune of the sampling area: the same for everybody in it."""
    communes = screen.communes.get(person.truth.area.prov_new) or next(iter(screen.communes.values()))
    return random.Random(person.truth.area.code).choice(communes)


def away_commune(person: Respondent, screen: Screen) -> tuple[str, str]:
    """Province and commune to which the person moved, among those on the tablet's list."""
    rng = person.fixed("moved to")
    provinces = sorted(p for p in screen.communes if p != person.truth.area.prov_new)
    province = rng.choice(provinces or sorted(screen.communes))
    return province, rng.choice(screen.communes[province])


def country_of(person: Respondent) -> tuple[int, int]:
    """Country and route of the new departure."""
    return person.fixed("abroad").choices(
        [(392, 2), (392, 1), (410, 6), (158, 8), (276, 9)], weights=[45, 10, 22, 17, 6]
    )[0]


@cache
def _rows(path: str, changed: int) -> tuple[Mapping[str, str], ...]:
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return tuple(csv.DictReader(stream))


def rows_of(path: Path) -> tuple[Mapping[str, str], ...]:
    """The rows of an attached list; read again only when the file changed."""
    return _rows(str(path), path.stat().st_mtime_ns)
