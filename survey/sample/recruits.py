"""Recruits: coupons issued to panel members, redeemed at a baseline, and who recruited whom.

A coupon is two letters and five digits, as the baseline form asks for it. Whoever comes with one becomes a
case that has its code for a case number, from the sampling area of the interview, so that attempts and the
interview find their place. A recruit's recruiter is whoever said in the baseline that they handed the coupon
out (`rds_out1` to `3`), else the one it was issued to. Network size is what the baseline tells; refusals at
the door and coupons that never came back can be counted from the same rows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlmodel import Session, col, select

from instruments.findings import Finding
from instruments.plan import WavePlan
from survey import answers, cases
from survey.answers import ATTEMPT, BASELINE, text_of, whole
from survey.config import Recruiting
from survey.errors import SurveyError
from survey.models import Case, Coupon

OUT = ("rds_out1", "rds_out2", "rds_out3")
DEGREES = ("net_know", "net_30d")
FRAME = "6"
SAMPLE = "recruits"


@dataclass(frozen=True, slots=True)
class Link:
    """One person of a recruitment tree: by whom, how far from its seed, how many they know and invited.

    Of a seed the recruiter is empty. `degree` is the size of the network that weights use: a recruit who
    knows nobody is taken to know one, and says so in `mended`.
    """

    person_id: str
    recruiter: str
    seed: str
    generation: int
    net_know: int | None
    net_30d: int | None
    degree: int | None
    mended: bool
    issued: int
    returned: int


def respondents(session: Session) -> list[str]:
    """Cases that may be given coupons: interviewed, and still with the panel."""
    query = select(Case.case_id).where(col(Case.recruited_on).is_not(None), Case.status == "active")
    return list(session.exec(query.order_by(Case.case_id)))


def issue(
    session: Session, case_ids: Iterable[str], rules: Recruiting, *, seed: int, who: str, now: datetime
) -> list[Coupon]:
    """Give each case the coupons it lacks; the new ones. Raises `SurveyError` for a case there is not."""
    wanted = list(dict.fromkeys(case_ids))
    known = set(session.exec(select(Case.case_id)))
    if absent := [case_id for case_id in wanted if case_id not in known]:
        raise SurveyError("no such case", where=absent[0], cure="look it up with `survey cases list`")
    held = session.exec(select(Coupon.code, Coupon.case_id)).all()
    count = Counter(case_id for _, case_id in held)
    missing = [case_id for case_id in wanted for _ in range(rules.coupons - count[case_id])]
    codes = fresh_codes(seed, rules.letters, {code for code, _ in held} | known, len(missing))
    if len(codes) < len(missing):
        cure = "set other letters under [recruiting]"
        raise SurveyError(f"no codes beginning with {rules.letters} are left", cure=cure)
    new = [
        Coupon(code=code, case_id=case_id, issued_at=now, issued_by=who)
        for code, case_id in zip(codes, missing, strict=True)
    ]
    session.add_all(new)
    session.flush()
    return new


def fresh_codes(seed: int, letters: str, taken: Collection[str], count: int) -> list[str]:
    """The next codes in the random order of the seed, none of them taken; fewer if there are no more."""
    order = random.Random(f"{seed} coupons {letters}").sample(range(100_000), 100_000)
    free = (code for code in (f"{letters}{number:05d}" for number in order) if code not in taken)
    return [code for code, _ in zip(free, range(count), strict=False)]


def enrol(session: Session, plan: WavePlan, *, seed: int, now: datetime) -> list[str]:
    """Make a case of everybody who came with a coupon that was issued; the new case numbers."""
    issued = dict(session.exec(select(Coupon.code, Coupon.case_id)).all())
    if not issued:
        return []
    known = {case.case_id: case for case in session.exec(select(Case))}
    seen = _seen(session, set(issued) - set(known))
    strata = {case.psu_code: case.stratum for case in known.values()}
    for code, (day, area) in sorted(seen.items()):
        recruiter = known[issued[code]]
        person = cases.Sampled(
            code,
            FRAME,
            area or recruiter.psu_code,
            strata.get(area or recruiter.psu_code, recruiter.stratum),
            sample=SAMPLE,
        )
        cases.add_cases(session, [person], plan, seed=seed, now=now, issued=day)
    return sorted(seen)


def tree(session: Session, rules: Recruiting) -> list[Link]:
    """Everybody who was given coupons or came with one: seeds first, then by generation and person."""
    coupons = session.exec(select(Coupon.code, Coupon.case_id).order_by(Coupon.code)).all()
    people = dict(session.exec(select(Case.case_id, Case.person_id)).all())
    told = _told(session)
    recruiter = _recruiters(coupons, told, people)
    issued = Counter(case_id for _, case_id in coupons)
    returned = Counter(recruiter.values())
    links = []
    for case_id in {case_id for _, case_id in coupons} | set(recruiter):
        seed, generation = _root(case_id, recruiter)
        sizes = told.get(case_id, {})
        size = sizes.get(rules.degree)
        mended = case_id in recruiter and size == 0
        links.append(
            Link(
                people[case_id],
                people.get(recruiter.get(case_id, ""), ""),
                people[seed],
                generation,
                sizes.get("net_know"),
                sizes.get("net_30d"),
                1 if mended else size,
                mended,
                issued[case_id],
                returned[case_id],
            )
        )
    return sorted(links, key=lambda link: (link.generation, link.person_id))


def coupon_findings(session: Session) -> list[Finding]:
    """What answers say about coupons that the coupons issued do not bear out."""
    issued = dict(session.exec(select(Coupon.code, Coupon.case_id)).all())
    findings = []
    givers: dict[str, str] = {}
    for case_id, told in sorted(_told(session).items()):
        for name in OUT:
            code, where = told.get(name), f"{BASELINE}/{told['instance_id']}/{name}"
            if not code:
                continue
            if code not in issued:
                says = "this coupon was never issued from here; look at it and record a correction."
                findings.append(Finding("warning", "coupon.not_issued", where, says))
            elif code in givers:
                says = "another person handed out this coupon too; look at both and correct one."
                findings.append(Finding("error", "coupon.given_twice", where, says))
            elif issued[code] != case_id:
                says = "it was issued to another person; whoever says so here is taken to be the recruiter."
                findings.append(Finding("note", "coupon.other_giver", where, says))
            givers.setdefault(code, case_id)
    return findings


def coupons_of(session: Session, case_ids: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Coupons as they are printed and looked up: to whom issued, when, by whom, whether they came back."""
    people = dict(session.exec(select(Case.case_id, Case.person_id)).all())
    query = select(Coupon).order_by(Coupon.case_id, Coupon.code)
    return [
        {
            "coupon": row.code,
            "case_id": row.case_id,
            "issued": row.issued_at.date().isoformat(),
            "by": row.issued_by,
            "came back": row.code in people,
        }
        for row in session.exec(query)
        if case_ids is None or row.case_id in case_ids
    ]


def _seen(session: Session, wanted: Collection[str]) -> dict[str, tuple[date, str]]:
    """Of each code that somebody came with: the first day, and the sampling area if an interview tells it."""
    days: dict[str, date] = {}
    areas: dict[str, str] = {}
    for form, name in ((BASELINE, "rds_coupon"), (ATTEMPT, "case_id")):
        frame = answers.arrived(session, form, ["psu_code"])
        codes, moments = text_of(frame, name), pd.to_datetime(text_of(frame, "today"), errors="coerce")
        for code, moment, area in zip(codes, moments, text_of(frame, "psu_code"), strict=True):
            if pd.isna(code) or code not in wanted or pd.isna(moment):
                continue
            days[code] = min(days.get(code, moment.date()), moment.date())
            if not pd.isna(area):
                areas.setdefault(code, area)
    return {code: (day, areas.get(code, "")) for code, day in days.items()}


def _told(session: Session) -> dict[str, dict[str, Any]]:
    """Of each usable baseline by case: its instance, the coupons handed out, and the network sizes."""
    frame = answers.usable(session, [*OUT, *DEGREES])[BASELINE].frame
    if frame.empty:
        return {}
    sizes = {name: whole(frame, name) for name in DEGREES}
    out = {name: text_of(frame, name) for name in OUT}
    return {
        case_id: {
            "instance_id": instance,
            **{name: None if pd.isna(column[i]) else str(column[i]) for name, column in out.items()},
            **{n: None if pd.isna(c[i]) or c[i] < 0 else int(c[i]) for n, c in sizes.items()},
        }
        for i, (case_id, instance) in enumerate(zip(frame["case_id"], frame["instance_id"], strict=True))
    }


def _recruiters(
    coupons: Sequence[tuple[str, str]], told: Mapping[str, Mapping[str, Any]], people: Collection[str]
) -> dict[str, str]:
    """Who recruited each recruit, by case."""
    given: dict[str, str] = {}
    for case_id, said in sorted(told.items()):
        for name in OUT:
            if said.get(name):
                given.setdefault(str(said[name]), case_id)
    return {code: given.get(code, owner) for code, owner in coupons if code in people}


def _root(case_id: str, recruiter: Mapping[str, str]) -> tuple[str, int]:
    """The seed from which a chain of coupons leads to a case, and over how many of them."""
    passed = [case_id]
    while (before := recruiter.get(passed[-1])) is not None and before not in passed:
        passed.append(before)
    return passed[-1], len(passed) - 1
