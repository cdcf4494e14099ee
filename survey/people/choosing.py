"""Choosing: who of a team gets which case, by the rules of the settings, and what is said of everybody.

A rule refuses (gender, language, area, no room left) or ranks: the interviewer of the wave before, then who
has somebody of the same household, then those of the area, then who has least to do; the code breaks ties.
So the same cases, team and rules give the same choice. Pure; what is read and kept is in
`survey.people.assignment`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from survey.config import AssignmentRules

RANKS = ("same interviewer", "same household", "own area", "cases already open")
WHOLE, SHOWN = 30, 10  # a team of up to so many is weighed in full; of a larger one, the so many best
Score = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Profile:
    """What of a person bears on who may come: area, gender, language, and the gender asked for."""

    psu_code: str = ""
    stratum: str = ""
    gender: str = ""
    language: str = ""
    wish: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of an enumerator bears on whom they may visit; no `capacity` of their own means the rule's."""

    code: str
    gender: str = ""
    langs: frozenset[str] = frozenset()
    areas: tuple[str, ...] = ()
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """A case that needs somebody in a wave; `before` had it last, `kin` have others of its household.

    `barred` hands it over and must not get it again.
    """

    case_id: str
    wave: int
    profile: Profile = Profile()
    before: str | None = None
    kin: frozenset[str] = frozenset()
    barred: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets a case in a wave (None: nobody fits), with the score or the refusal of everybody.

    Of a large team `weighed` has the best, and `others` how many of the rest were refused for what.
    """

    seat: Seat
    enumerator: str | None
    weighed: Mapping[str, Score | str] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """In one line, why this one."""
        if self.enumerator is None:
            tally = Counter(str(said) for said in self.weighed.values()) + Counter(self.others)
            return "nobody fits: " + ", ".join(f"{said} ({n})" for said, n in sorted(tally.items()))
        scored = self.weighed[self.enumerator]
        assert not isinstance(scored, str)
        ranked = [words for words, holds in zip(RANKS[:3], scored[:3], strict=True) if holds]
        gone = self.seat.before if self.seat.before != self.enumerator else None
        kept = ", ".join([*ranked, f"{scored[3]} cases open before"])
        return kept + (f"; {gone} had it before, {self._said_of(gone)}" if gone else "")

    def why(self, reason: str = "") -> dict[str, Any]:
        """What the row keeps: the reason (or another), and what was said of everybody."""
        said = {code: word if isinstance(word, str) else list(word) for code, word in self.weighed.items()}
        more = {"others": dict(self.others)} if self.others else {}
        return {"reason": reason or self.reason, "scores": list(RANKS), "candidates": said, **more}

    def _said_of(self, code: str) -> str:
        said = self.weighed.get(code, "not in the team now")
        return said if isinstance(said, str) else "the rule to keep them is off"


def decide(
    seats: Iterable[Seat],
    team: Sequence[Candidate],
    load: Mapping[str, int],
    last: Mapping[str, str],
    members: Mapping[str, frozenset[str]],
    rules: AssignmentRules | None = None,
) -> Iterator[Choice]:
    """One choice per seat, each seeing those before it; `last` is who had a case, `members` its household."""
    desk, last = _Desk(team, load, rules or AssignmentRules()), dict(last)
    for seat in seats:
        kin = seat.kin | {last[other] for other in members.get(seat.case_id, ()) if other in last}
        known = Seat(seat.case_id, seat.wave, seat.profile, last.get(seat.case_id), kin, seat.barred)
        choice = desk.choose(known)
        if choice.enumerator is not None:
            desk.give(choice.enumerator)
            last[seat.case_id] = choice.enumerator
        yield choice


def refusal(profile: Profile, one: Candidate, rules: AssignmentRules) -> str:
    """Why the rules refuse this enumerator for this person; empty if they do not.

    What is not known of a person refuses nobody; what is not known of an enumerator does not fulfil a rule.
    """
    asked = {"same": profile.gender, "wish": profile.wish}.get(rules.gender, "")
    if asked and one.gender != asked:
        return "gender"
    if rules.language and profile.language and profile.language not in one.langs:
        return "language"
    if rules.area == "require" and profile.psu_code and not covers(one, profile):
        return "area"
    return ""


def covers(one: Candidate, profile: Profile) -> bool:
    """Whether an area of the enumerator is the stratum, or how the code of the sampling area begins."""
    return any(profile.psu_code.startswith(area) or profile.stratum == area for area in one.areas)


class _Desk:
    """The team while cases are given out: how much each has, in order of it, and whom the rules refuse."""

    def __init__(self, team: Sequence[Candidate], load: Mapping[str, int], rules: AssignmentRules) -> None:
        self.team, self.rules = {one.code: one for one in team}, rules
        self.load = {code: load.get(code, 0) for code in self.team}
        self.order = sorted((number, code) for code, number in self.load.items())
        self.full = {code for code in self.team if self._is_full(code)}
        self._refused: dict[Profile, dict[str, str]] = {}
        self._near: dict[tuple[str, str], frozenset[str]] = {}

    def give(self, code: str) -> None:
        """Note that one more case is with this enumerator."""
        del self.order[bisect_left(self.order, (self.load[code], code))]
        self.load[code] += 1
        insort(self.order, (self.load[code], code))
        if self._is_full(code):
            self.full.add(code)

    def choose(self, seat: Seat) -> Choice:
        """Who gets this seat, and what is said of whom."""
        against, near = self._refusals(seat), self._nearby(seat.profile)
        whole = len(self.team) <= WHOLE
        fits = self._in_order(against)
        named = {code for code in (seat.before, *seat.kin) if code in self.team and code not in against}
        if near and not whole:
            named |= set(islice((code for code in self._in_order(against) if code in near), 1))
        weighed = {*(fits if whole else islice(fits, SHOWN)), *named}
        scores = {code: self._score(code, seat, near) for code in weighed}
        chosen = min(scores, key=lambda code: (*_first(scores[code]), code), default=None)
        listed = against if whole else {c: w for c, w in against.items() if c in (seat.before, seat.barred)}
        said: dict[str, Score | str] = {**scores, **listed}
        others = {} if whole else Counter(word for code, word in against.items() if code not in listed)
        return Choice(seat, chosen, {code: said[code] for code in sorted(said)}, others)

    def _in_order(self, against: Mapping[str, str]) -> Iterator[str]:
        return (code for _, code in self.order if code not in against)

    def _refusals(self, seat: Seat) -> dict[str, str]:
        """Whom the rules, their full hands or the hand-over keep from this seat, with a word for each."""
        if seat.profile not in self._refused:
            said = {code: refusal(seat.profile, one, self.rules) for code, one in self.team.items()}
            self._refused[seat.profile] = {code: word for code, word in said.items() if word}
        by_rule = self._refused[seat.profile]
        if not self.full and seat.barred is None:
            return by_rule
        against = dict.fromkeys(self.full, "no room left") | by_rule
        return against | ({seat.barred: "hands it over"} if seat.barred in self.team else {})

    def _score(self, code: str, seat: Seat, near: Collection[str]) -> Score:
        same = self.rules.same_interviewer and code == seat.before
        return int(same), int(code in seat.kin), int(code in near), self.load[code]

    def _is_full(self, code: str) -> bool:
        own = self.team[code].capacity
        room = (self.rules.capacity or None) if own is None else own
        return room is not None and self.load[code] >= room

    def _nearby(self, profile: Profile) -> frozenset[str]:
        if self.rules.area == "any":
            return frozenset()
        key = profile.psu_code, profile.stratum
        if key not in self._near:
            self._near[key] = frozenset(code for code, one in self.team.items() if covers(one, profile))
        return self._near[key]


def _first(score: Score) -> Score:
    """The score as a sort key: what ranks high comes first, and who has least."""
    same, kin, near, load = score
    return -same, -kin, -near, load
