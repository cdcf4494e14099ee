"""The months after the return: work, debt, help, intention, moves, departures, loss, for all people at once.

Arrays have one row per person and one column per month since return; column 0 is the month of return. A
change in month m is in force from the beginning of m: `state[m]` is what a person interviewed in m reports.
Codes are those of the questionnaire: activity 1–12; place 1 this commune, 3 another province, 4 abroad; 0 in
both after death. The loop goes over months because each month depends on the one before.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.simulate.coefficients import Coefficients, linear
from analysis.simulate.people import Columns

Bool = NDArray[np.bool_]
JOBLESS = (5, 6, 7, 8, 9, 10, 11)
NEVER = -1
PATHS = ("state", "place", "job", "plan", "desire", "steps", "debt", "assisted", "lost")
EVENTS = ("first_job", "left", "back", "moved", "died")


@dataclass(frozen=True, slots=True)
class Months:
    """State by person and month (`n × months`), and the month (since return) of first events, −1 if never."""

    state: NDArray[np.int8]
    place: NDArray[np.int8]
    job: NDArray[np.int16]
    plan: Bool
    desire: Bool
    steps: Bool
    debt: Bool
    assisted: Bool
    lost: Bool
    first_job: NDArray[np.int16]
    left: NDArray[np.int16]
    back: NDArray[np.int16]
    moved: NDArray[np.int16]
    died: NDArray[np.int16]


def live(rng: np.random.Generator, people: Columns, months: int, effects: Coefficients) -> Months:
    """Let `months` months pass from the return on."""
    life = _Life(rng, people, months, effects)
    for t in range(months):
        life.pass_month(t)
    return life.told()


class _Life:
    """The current month of everybody, and what has been recorded so far."""

    def __init__(self, rng: np.random.Generator, people: Columns, months: int, effects: Coefficients) -> None:
        n = len(people["sex"])
        self.rng, self.p, self.c, self.n = rng, people, effects, n
        self.leaning = (rng.normal(size=n) + effects.leaning_loan * people["loan_z"]) / np.sqrt(
            1 + effects.leaning_loan**2
        )
        self.state = np.where(
            people["female"],
            rng.choice([6, 11, 5, 9, 8], n, p=[0.5, 0.2, 0.08, 0.18, 0.04]),
            rng.choice([6, 11, 5, 9, 8], n, p=[0.58, 0.24, 0.12, 0.01, 0.05]),
        ).astype(np.int8)
        self.place = np.ones(n, np.int8)
        self.job = np.zeros(n, np.int16)
        self.worked = np.zeros(n, bool)
        self.debt = people["debt_at_return"].copy()
        self.assisted = np.zeros(n, bool)
        self.lost = np.zeros(n, bool)
        self.plan = np.zeros(n, bool)
        self.steps = np.zeros(n, bool)
        self.desire = np.zeros(n, bool)
        self.first = {name: np.full(n, NEVER, np.int16) for name in EVENTS}
        self.record: dict[str, list[NDArray[Any]]] = {name: [] for name in PATHS}
        self._intend()

    def pass_month(self, t: int) -> None:
        here = (self.place >= 1) & (self.place <= 3)
        away = self.place == 4
        gone = self._compete(t, here) if t else np.zeros(self.n, bool)
        self._come_back(t, away)
        self._work(t, here & ~gone)
        self._pay_and_help(t, here | away)
        self._intend()
        self._lose(t, here | away)
        for name in PATHS:
            self.record[name].append(getattr(self, name).copy())

    def _draw(self, rate: NDArray[np.float64] | float, at_risk: Bool) -> Bool:
        """Who has the event this month; the cloglog link of coefficients.py."""
        return at_risk & (self.rng.random(self.n) < -np.expm1(-rate))

    def _covariates(self, t: int) -> dict[str, NDArray[Any]]:
        since = t + 1  # month t of the record is the (t + 1)th month since return, (t, t + 1]
        same = np.ones(self.n)
        return {
            "months_1_3": same * (since <= 3),
            "months_4_12": same * (3 < since <= 12),
            "months_13_24": same * (12 < since <= 24),
            "months_25_up": same * (since > 24),
            "log_month": same * np.log(since),
            "female": self.p["female"],
            "ssw": self.p["ssw"],
            "married": self.p["married"],
            "assisted": self.assisted,
            "debt": self.debt,
            "intent": self.plan,
            "jobless": np.isin(self.state, JOBLESS),
            "waiting": self.state == 7,
            "employed": np.isin(self.state, (1, 2, 3, 4)),
            "person": self.leaning,
        }

    def _compete(self, t: int, here: Bool) -> Bool:
        """Leaving, moving and dying compete; at most one of them in a month."""
        x = self._covariates(t)
        rates = np.stack(
            [
                np.exp(linear(self.c.leave, x)),
                np.exp(linear(self.c.move, x)) * (self.place == 1),
                np.full(self.n, self.c.death),
            ]
        )
        total = rates.sum(axis=0)
        event = self._draw(total, here)
        which = (self.rng.random(self.n) > np.cumsum(rates / total, axis=0)[:2]).sum(axis=0)
        left, moved, died = (event & (which == k) for k in range(3))
        self.state[left], self.place[left] = 12, 4
        self.job[left] += 1
        self.place[moved] = 3
        self.state[died], self.place[died] = 0, 0
        for name, who in (("left", left), ("moved", moved), ("died", died)):
            self._first(name, t, who)
        self._start_job(t, moved & (self.rng.random(self.n) < 0.7), kinds=(1,), weights=(1.0,))
        return event

    def _come_back(self, t: int, away: Bool) -> None:
        back = self._draw(self.c.come_back, away)
        self.state[back], self.place[back] = 6, 1
        self._first("back", t, back)

    def _work(self, t: int, here: Bool) -> None:
        x = self._covariates(t)
        employed, jobless = x["employed"] & here, x["jobless"] & here
        first = self._draw(np.exp(linear(self.c.first_job, x)), jobless & ~self.worked)
        further = self._draw(self.c.later_job, jobless & self.worked)
        lost = self._draw(self.c.lose_job, employed)
        changed = self._draw(self.c.change_job, employed & ~lost)
        self._start_job(t, first | further | changed, kinds=(1, 2, 3), weights=(0.72, 0.16, 0.12))
        self.state[lost] = np.where(self.rng.random(self.n) < 0.75, 6, 11)[lost]
        idle = np.isin(self.state, (6, 11)) & here & ~lost
        self.state[self._draw(self.c.start_waiting, idle & self.plan & self.steps)] = 7
        self.state[self._draw(0.1, (self.state == 7) & here & ~self.plan)] = 6
        self.state[self._draw(0.06, np.isin(self.state, (8, 11)) & here)] = 6

    def _start_job(self, t: int, who: Bool, *, kinds: tuple[int, ...], weights: tuple[float, ...]) -> None:
        self.state[who] = self.rng.choice(np.asarray(kinds, np.int8), self.n, p=weights)[who]
        self.job[who] += 1
        self._first("first_job", t, who & ~self.worked)
        self.worked |= who

    def _pay_and_help(self, t: int, alive: Bool) -> None:
        working = np.isin(self.state, (1, 2, 3, 4, 12))
        rate = np.where(working, self.c.repay_employed, self.c.repay_jobless)
        self.debt &= ~self._draw(rate, self.debt & alive)
        early = self.c.assisted_early if t < 6 else self.c.assisted_late
        self.assisted |= self._draw(early, alive & (self.place < 4))

    def _intend(self) -> None:
        """The plan to go of the month, with the person's leaning and a fresh logistic deviate."""
        latent = linear(self.c.intent, self._covariates(0)) + self.rng.logistic(size=self.n)
        self.plan = latent > 0
        self.desire = latent > -self.c.desire_below
        self.steps = latent > self.c.prepare_above

    def _lose(self, t: int, alive: Bool) -> None:
        recruited = t > self.p["recruit_cm"] - self.p["ret_cm"]
        rate = self.c.lose_trace * np.where(self.plan, self.c.lose_trace_plan, 1.0)
        self.lost |= self._draw(rate, alive & recruited)

    def _first(self, name: str, t: int, who: Bool) -> None:
        fresh = who & (self.first[name] == NEVER)
        self.first[name][fresh] = t

    def told(self) -> Months:
        arrays: dict[str, Any] = {name: np.stack(columns, axis=1) for name, columns in self.record.items()}
        return Months(**arrays | self.first)
