"""Waves: the planned window of every case in every wave, and where each stands on a given day.

A `Planned` row is made for every wave a case can meet, with the rule and the facts that gave its dates. Its
state is a function of the day and of facts: *planned* before it opens, *open* while work is to be done,
*closed* when its time is over or its outcome is final. A wave that a permanent exit forestalls stays
*planned* for ever: it was never issued. Dates come from `instruments.plan`; who is visited and by whom is
the matter of `survey.cases`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from sqlmodel import Session, col, select

from instruments.plan import WavePlan, Window, windows
from survey.models import Case, Planned

COLUMNS = ("case_id", "wave", "form", "opens", "due", "closes", "state")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the outcome of waves: final ones by (case, wave), and the day a case left for good."""

    done: Mapping[tuple[str, int], str]
    left: Mapping[str, date]


def track_of(plan: WavePlan, returned: date | None, recruited: date) -> str | None:
    """The track that the plan has for this return; if unknown, the first that does not count from it."""
    if returned is not None:
        return plan.track_for(returned=returned, recruited=recruited)
    free = (name for name, track in plan.tracks.items() if all(w.origin == "baseline" for w in track.waves))
    return next(free, None)


def plan_case(session: Session, case: Case, plan: WavePlan, *, recruited: date, now: datetime) -> int:
    """Lay out the waves of one case from its anchor; how many rows are new or moved.

    Before the baseline only wave 0 can be planned, from the day the case was issued. Rows that have opened
    are left as they are; a row not yet opened moves with its anchor and says from where.
    """
    track = case.track or track_of(plan, case.returned_on, recruited)
    if case.recruited_on is None:  # before the baseline any track will do, its wave 0 is the same
        track = track or next(iter(plan.tracks))
    if track is None:
        return 0
    wanted = windows(plan, track, returned=case.returned_on, recruited=recruited)
    if case.recruited_on is None:
        wanted = [window for window in wanted if window.wave == 0]
    held = {row.wave: row for row in session.exec(select(Planned).where(Planned.case_id == case.case_id))}
    touched = 0
    for window in wanted:
        why = _reason(track, case, recruited)
        row = held.get(window.wave)
        if row is None:
            session.add(_row(case.case_id, window, why, now))
            touched += 1
        elif row.state == "planned" and (row.opens, row.due, row.closes) != _dates(window):
            row.why = f"{why}; before: {row.opens} to {row.closes}"
            row.opens, row.due, row.closes, row.made_at = *_dates(window), now
            session.add(row)
            touched += 1
    session.flush()
    return touched


def state_on(today: date, opens: date, closes: date, *, done: bool = False, left: date | None = None) -> str:
    """The state of one planned window on a day: the single rule behind opening and closing."""
    if today < opens or (left is not None and left < opens):
        return "planned"
    if today > closes or done or left is not None:
        return "closed"
    return "open"


def move(session: Session, today: date, standing: Standing) -> dict[str, int]:
    """Bring every planned window to its state of today; how many opened, closed or went back."""
    moved = {"planned": 0, "open": 0, "closed": 0}
    for row in session.exec(select(Planned).order_by(col(Planned.case_id), col(Planned.wave))):
        state = state_on(
            today,
            row.opens,
            row.closes,
            done=(row.case_id, row.wave) in standing.done,
            left=standing.left.get(row.case_id),
        )
        if state != row.state:
            row.state = state
            session.add(row)
            moved[state] += 1
    session.flush()
    return moved


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


def open_rows(session: Session) -> Sequence[Planned]:
    """The windows in which work is to be done, by case and wave."""
    query = select(Planned).where(Planned.state == "open")
    return session.exec(query.order_by(col(Planned.case_id), col(Planned.wave))).all()


def _row(case_id: str, window: Window, why: str, now: datetime) -> Planned:
    opens, due, closes = _dates(window)
    return Planned(
        case_id=case_id,
        wave=window.wave,
        opens=opens,
        due=due,
        closes=closes,
        form=window.form,
        why=why,
        made_at=now,
    )


def _dates(window: Window) -> tuple[date, date, date]:
    return window.opens, window.due, window.closes


def _reason(track: str, case: Case, recruited: date) -> str:
    returned = f"returned {case.returned_on:%Y-%m}" if case.returned_on else "return month not known"
    return f"{track}: {returned}, recruited {recruited}"
