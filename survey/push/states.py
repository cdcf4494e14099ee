"""States of forms: open while there is somebody to visit with one, closing after the last, closed in the end.

A form is *open* while a window that asks for it is open or still to come. When the last one is over it is
*closing*: Central offers it to no tablet any more and takes what tablets still send. It is *closed* only
`grace` days after the last window, because a closed form refuses everything, also what a tablet filled in
time and could not send. Nothing is lost even then: the tablet keeps what was refused, a longer grace puts
the form back to closing at the next push, and the tablet sends again. Forms that no plan names (contact,
exit) stand as the most open form of the plan does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import and_, func, or_
from sqlmodel import Session, col, select

from survey.cases import EXITS
from survey.models import Case, Planned
from survey.outbox import Write

ORDER = ("open", "closing", "closed")
GONE = (*EXITS.values(), "refused")  # no window of theirs is still to come


def form_writes(session: Session, forms: Sequence[str], today: date, *, grace: int) -> list[Write]:
    """The state in which each form of the study should stand today."""
    states = form_states(forms, ahead(session, today), over(session), today, grace=grace)
    return [Write("form_state", form, {"form": form, "state": state}) for form, state in states.items()]


def form_states(
    forms: Sequence[str], ahead: frozenset[str], over: Mapping[str, date], today: date, *, grace: int
) -> dict[str, str]:
    """The state of each form, given which have windows open or to come and when the last others end."""
    named = {form: _state(form in ahead, over.get(form), today, grace) for form in {*ahead, *over}}
    most_open = min(named.values(), key=ORDER.index, default="open")
    return {form: named.get(form, most_open) for form in forms}


def ahead(session: Session, today: date) -> frozenset[str]:
    """The forms for which a window is open, or planned for somebody who has not left."""
    to_come = and_(
        col(Planned.state) == "planned", col(Planned.closes) >= today, col(Case.status).not_in(GONE)
    )
    query = select(Planned.form).join(Case, col(Case.case_id) == col(Planned.case_id)).distinct()
    return frozenset(session.exec(query.where(or_(col(Planned.state) == "open", to_come))))


def over(session: Session) -> dict[str, date]:
    """The last day of the closed windows of each form; a window that was done early ends on its own day."""
    query = select(Planned.form, func.max(Planned.closes)).where(Planned.state == "closed")
    return dict(session.exec(query.group_by(col(Planned.form))).all())


def _state(ahead: bool, last: date | None, today: date, grace: int) -> str:
    if ahead or last is None:
        return "open"
    return "closed" if grace and today > last + timedelta(days=grace) else "closing"
