"""States: where every planned window stands on a day, by one rule over the day and what is known of it.

*planned* before it opens, *open* while work is to be done, *closed* when its time is over or its outcome is
final. A wave that a permanent exit forestalls stays *planned* for ever: it was never issued. How the dates
come about is the matter of `planning`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import and_, not_, or_, update
from sqlmodel import Session, col, select

from survey.models import Planned

FEW = 500  # cases or rows named in one statement
COLUMNS = ("case_id", "wave", "form", "opens", "due", "closes", "state")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the outcome of waves: final ones by (case, wave), and the day a case left for good."""

    done: Mapping[tuple[str, int], str]
    left: Mapping[str, date]


def state_on(today: date, opens: date, closes: date, *, done: bool = False, left: date | None = None) -> str:
    """The state of one planned window on a day: the single rule behind opening and closing."""
    if today < opens or (left is not None and left < opens):
        return "planned"
    if today > closes or done or left is not None:
        return "closed"
    return "open"


def move(session: Session, today: date, standing: Standing) -> dict[str, int]:
    """Bring every planned window to its state of today; how many opened, closed or went back.

    Read are only windows that the day can have moved, and those of cases that left.
    """
    session.flush()
    to: dict[str, list[int]] = {"planned": [], "open": [], "closed": []}
    seen: set[int] = set()
    for row in _movable(session, today, standing.left):
        if row.id in seen:
            continue
        seen.add(row.id)
        done = (row.case_id, row.wave) in standing.done
        state = state_on(today, row.opens, row.closes, done=done, left=standing.left.get(row.case_id))
        if state != row.state:
            to[state].append(row.id)
    for state, ids in to.items():
        for start in range(0, len(ids), FEW):
            rows = col(Planned.id).in_(ids[start : start + FEW])
            session.connection().execute(update(Planned).where(rows).values(state=state))
    if any(to.values()):
        session.expire_all()
    return {state: len(ids) for state, ids in to.items()}


def _movable(session: Session, today: date, left: Mapping[str, date]) -> Iterator[Any]:
    """The windows that are not where the day alone would leave them, and all of cases that left."""
    ahead = and_(col(Planned.state) == "planned", col(Planned.opens) > today)
    over = and_(col(Planned.state) == "closed", col(Planned.closes) < today)
    columns = [getattr(Planned, name) for name in ("id", "case_id", "wave", "opens", "closes", "state")]
    yield from session.execute(select(*columns).where(not_(or_(ahead, over))))
    gone = list(left)
    for start in range(0, len(gone), FEW):
        theirs = col(Planned.case_id).in_(gone[start : start + FEW])
        yield from session.execute(select(*columns).where(theirs))


def forms_open(session: Session, today: date) -> list[str]:
    """The forms that windows open on this day ask for, in order of their waves."""
    query = select(Planned.form, Planned.wave).where(Planned.opens <= today, Planned.closes >= today)
    rows = sorted(session.exec(query), key=lambda row: row[1])
    return list(dict.fromkeys(form for form, _ in rows))


def table(session: Session) -> pd.DataFrame:
    """All planned windows by case and wave; dates as dates."""
    query = select(*(getattr(Planned, name) for name in COLUMNS))
    rows = session.exec(query.order_by(col(Planned.case_id), col(Planned.wave))).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=list(COLUMNS))


def open_rows(session: Session) -> Sequence[Any]:
    """The windows in which work is to be done, by case and wave, as rows of `COLUMNS`."""
    query = select(*(getattr(Planned, name) for name in COLUMNS)).where(Planned.state == "open")
    return session.execute(query.order_by(col(Planned.case_id), col(Planned.wave))).all()
