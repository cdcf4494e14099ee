"""Adopted: the plan that the study works by, which is the file's only after somebody has said so.

The first plan a study meets is adopted by itself. After that an edited `plan.toml` moves nothing: the study
goes on by the plan it adopted, and says that the file differs, until `survey wave plan --commit` adopts it
with a reason. Every plan ever adopted stays as a row.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from instruments.findings import Finding
from instruments.plan import WavePlan, from_text, to_text
from survey.models import AdoptedPlan


def working_plan(session: Session, plan: WavePlan, *, now: datetime) -> tuple[WavePlan, list[Finding]]:
    """The plan to work by, given the file's; a warning if they differ."""
    newest = session.exec(select(AdoptedPlan.text).order_by(col(AdoptedPlan.id).desc())).first()
    if newest is None:
        adopt(session, plan, who="survey", why="the first plan of the study", now=now)
        return plan, []
    held = from_text(newest)
    if held == plan:
        return plan, []
    message = (
        "the plan of waves is not the one the study works by; look at `survey wave plan --what-if`, then "
        "adopt it with `survey wave plan --commit --why ...`, or take the edit back."
    )
    return held, [Finding("warning", "plan.not_adopted", "plan.toml", message)]


def adopt(session: Session, plan: WavePlan, *, who: str, why: str, now: datetime) -> bool:
    """Work by this plan from now on; False if the study does already."""
    text = to_text(plan)
    newest = session.exec(select(AdoptedPlan.text).order_by(col(AdoptedPlan.id).desc())).first()
    if newest is not None and from_text(newest) == plan:
        return False
    session.add(AdoptedPlan(text=text, who=who, why=why, at=now))
    session.flush()
    return True
