"""Replan: what the plan, or another plan, or another month of return would do, before anything is kept.

Everything is done as `survey.cases.settle` does it, in a session that the caller commits or rolls back: what
is shown is what would be kept. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from instruments.findings import Finding
from instruments.plan import WavePlan
from survey import cases, waves
from survey.cases import Facts
from survey.config import AssignmentRules
from survey.waves import Change, Load, Place


@dataclass(frozen=True, slots=True)
class Replanned:
    """What changes, what was found, and the work load before and after."""

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    before: Mapping[Place, Load]
    after: Mapping[Place, Load]


def replan(
    session: Session,
    facts: Facts,
    plan: WavePlan,
    *,
    now: datetime,
    today: date,
    returned: Mapping[str, date] | None = None,
    weeks: int = waves.WEEKS,
    who: str = "survey",
    why: str = "",
    rules: AssignmentRules | None = None,
) -> Replanned:
    """Adopt this plan and settle all cases by it, with other first days of the month of return if given.

    Raises `LookupError` for a return of a case that has no baseline.
    """
    current, _ = waves.working_plan(session, plan, now=now)
    before = waves.workload(session, current, today=today, weeks=weeks)
    waves.adopt(session, plan, who=who, why=why, now=now)
    told = _with_returns(facts, returned or {})
    made = cases.settled(session, told, plan, now=now, today=today, who=who, why=why, rules=rules)
    after = waves.workload(session, plan, today=today, weeks=weeks)
    return Replanned(made.changes, made.findings, before, after)


def _with_returns(facts: Facts, returned: Mapping[str, date]) -> Facts:
    known = {told.case_id for told in facts.baselines}
    if unknown := sorted(set(returned) - known):
        raise LookupError(f"case {unknown[0]!r} has no baseline, so nothing is counted from its return")
    told = tuple(replace(one, returned=returned.get(one.case_id, one.returned)) for one in facts.baselines)
    return replace(facts, baselines=told)
