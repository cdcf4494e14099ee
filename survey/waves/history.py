"""History: every window a case has and had, and the waves it does not get, each with the reason."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from instruments.plan import WavePlan
from survey.models import Case, PlanChange, Planned
from survey.waves.planning import Anchor, layout_of


def history(session: Session, plan: WavePlan, case_id: str) -> list[dict[str, Any]]:
    """The windows of a case by wave, the earlier ones first; `stands` is its state, or what became of it.

    Raises `LookupError` for an unknown case.
    """
    case = session.exec(select(Case).where(Case.case_id == case_id)).one_or_none()
    if case is None:
        raise LookupError(f"no case {case_id!r}")
    rows = [
        _row(kept, kept.change, kept.why, at=kept.at, who=kept.who)
        for kept in session.exec(
            select(PlanChange).where(PlanChange.case_id == case_id).order_by(col(PlanChange.id))
        )
    ]
    held = session.exec(select(Planned).where(Planned.case_id == case_id)).all()
    rows += [_row(row, row.state, row.why, at=row.made_at) for row in held]
    rows += _left_out(plan, case, {row.wave for row in held})
    return sorted(rows, key=lambda row: row["wave"])


def _row(window: PlanChange | Planned, stands: str, why: str, *, at: Any, who: str = "") -> dict[str, Any]:
    return {
        "wave": window.wave,
        "stands": stands,
        "opens": window.opens,
        "due": window.due,
        "closes": window.closes,
        "form": window.form,
        "why": why,
        "who": who,
        "at": at.isoformat(timespec="minutes"),
    }


def _left_out(plan: WavePlan, case: Case, held: set[int]) -> list[dict[str, Any]]:
    """The waves that plan and anchor leave out."""
    if case.recruited_on is None:
        return []
    made = layout_of(plan, Anchor(case.case_id, case.recruited_on, case.returned_on, case.track))
    empty = dict.fromkeys(("opens", "due", "closes", "form", "who", "at"), "")
    return [
        {"wave": wave, "stands": "left out", **empty, "why": why}
        for wave, why in made.left_out
        if wave not in held
    ]
