"""Planning: the windows that follow from everybody's anchors, compared with those stored, in one pass.

The anchor of a case is its return and its recruitment; its windows follow from these and the plan alone.
What is stored is compared with that, and the difference is made: windows not there are added, windows not
yet opened are moved or dropped, and what they were is kept in `plan_change` with reason, person and moment. A
window that has opened stays as it is, whatever the anchor becomes; what comes after it begins when it is
over. Everything goes through the database in bulk: a panel of any size is one reading and one writing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import String, bindparam, cast, delete, insert, update
from sqlmodel import Session, col, select

from instruments.findings import Finding
from instruments.plan import Layout, WavePlan, Window, lay_out
from survey.models import Case, PlanChange, Planned, metadata

BATCH = 5_000  # rows in one statement
FEW = 500  # cases that are asked for by name; with more the whole table is read
DATES = ("opens", "due", "closes")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the windows of one case are counted from; without a baseline only wave 0 is planned."""

    case_id: str
    recruited: date
    returned: date | None = None
    track: str | None = None
    interviewed: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """One window before and after: new (nothing before), moved, or dropped (nothing after)."""

    case_id: str
    wave: int
    kind: str
    before: Window | None
    after: Window | None
    why: str


_PLANNED = metadata.tables["planned"]
Stored = tuple[Any, ...]  # id, state, wave, opens, due, closes, form


@dataclass(frozen=True, slots=True)
class Row:
    """A stored window: its number, its state, its days."""

    id: int
    state: str
    window: Window


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass changed, and what it found: windows moved, dropped, or left with too few working days."""

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()


def track_of(plan: WavePlan, returned: date | None, recruited: date) -> str | None:
    """The track that the plan has for this return; if unknown, the first that does not count from it."""
    if returned is not None:
        return plan.track_for(returned=returned, recruited=recruited)
    free = (name for name, track in plan.tracks.items() if not any(w.origin == "return" for w in track.waves))
    return next(free, None)


def layout_of(plan: WavePlan, anchor: Anchor) -> Layout:
    """The windows of one case by plan and anchor alone; before its baseline wave 0 of any track."""
    track = anchor.track or track_of(plan, anchor.returned, anchor.recruited)
    if not anchor.interviewed:
        made = lay_out(
            plan, track or next(iter(plan.tracks)), returned=anchor.returned, recruited=anchor.recruited
        )
        return Layout(tuple(window for window in made.windows if window.wave == 0))
    if track is None:
        numbers = {wave.number for one in plan.tracks.values() for wave in one.waves if wave.number > 0}
        reason = "no track of the plan follows a return of that time"
        return Layout(left_out=tuple((number, reason) for number in sorted(numbers)))
    return lay_out(plan, track, returned=anchor.returned, recruited=anchor.recruited)


def lay_out_all(
    session: Session,
    plan: WavePlan,
    anchors: Iterable[Anchor],
    *,
    today: date,
    now: datetime,
    left: Mapping[str, date] | None = None,
    who: str = "survey",
    why: str = "",
) -> Outcome:
    """Bring the stored windows of these cases in line with their anchors; the same anchors change nothing.

    `left` says when cases left for good: what they never came to is not held to have opened. `why` is the
    reason that is kept with what moves.
    """
    wanted = {anchor.case_id: anchor for anchor in anchors}
    layouts, left = _cached(plan), left or {}
    comparing = _Comparing(plan, today, why)
    for case_id, rows in _stored(session, wanted):
        if anchor := wanted.pop(case_id, None):
            comparing.take(case_id, layouts(anchor), rows, left.get(case_id))
    for anchor in wanted.values():
        comparing.take(anchor.case_id, layouts(anchor), (), None)
    changes = sorted(comparing.changes, key=lambda change: (change.case_id, change.wave))
    _write(session, changes, comparing.rows, now=now, who=who)
    return Outcome(tuple(changes), (*comparing.findings, *_told(changes)))


def plan_issued(
    session: Session, case_ids: Iterable[str], plan: WavePlan, *, issued: date, now: datetime
) -> int:
    """Plan the baseline of new cases from the day they are issued; how many rows are new."""
    anchors = [Anchor(case_id, issued, interviewed=False) for case_id in case_ids]
    return len(lay_out_all(session, plan, anchors, today=issued, now=now).changes)


def plan_case(
    session: Session, case: Case, plan: WavePlan, *, recruited: date, now: datetime, today: date | None = None
) -> int:
    """Lay out the waves of one case from its anchor; how many rows are new, moved or dropped.

    Before the baseline only wave 0 is planned, from the day the case was issued. Without `today` only what
    was marked as open counts as opened.
    """
    anchor = Anchor(
        case.case_id,
        recruited,
        case.returned_on,
        case.track,
        interviewed=case.recruited_on is not None,
    )
    return len(lay_out_all(session, plan, [anchor], today=today or date.min, now=now).changes)


class _Comparing:
    """The differences found so far, and the rows of the windows that are to move."""

    def __init__(self, plan: WavePlan, today: date, why: str) -> None:
        self.plan, self.today, self.why = plan, today, why
        self.changes: list[Change] = []
        self.rows: dict[Change, int] = {}
        self.findings: list[Finding] = []

    def take(self, case_id: str, layout: Prepared, stored: Sequence[Stored], left: date | None) -> None:
        """Compare the windows of one case with those it should have."""
        for window in layout.tight:
            if window.closes >= self.today:
                self.findings.append(_tight(case_id, window))
        if [row[2:] for row in stored] == layout.shown:
            return
        unopened: dict[int, Row] = {}
        fixed: dict[int, Row] = {}
        for row in map(_read, stored):
            (fixed if self._has_opened(row, left) else unopened)[row.window.wave] = row
        windows, crowded = layout.windows, dict(layout.left_out)
        if over := max((row.window.closes for wave, row in fixed.items() if wave > 0), default=None):
            windows, late = _from(over + DAY, windows, fixed, self.plan)
            crowded |= late
        for window in windows:
            if window.wave not in fixed:
                self._place(case_id, window, unopened.pop(window.wave, None))
        for wave, row in unopened.items():
            reason = crowded.get(wave) or "the plan has no such wave for this case"
            told = f"{self.why}; {reason}" if self.why else reason
            self._note(Change(case_id, wave, "dropped", row.window, None, told), row)

    def _has_opened(self, row: Row, left: date | None) -> bool:
        """Whether a window has opened by today, marked or not; one that an exit forestalled has not."""
        opens = row.window.opens
        return row.state != "planned" or (opens <= self.today and not (left is not None and left < opens))

    def _place(self, case_id: str, window: Window, row: Row | None) -> None:
        if row is None:
            self.changes.append(Change(case_id, window.wave, "new", None, window, self.why))
        elif _shown(row.window) != _shown(window):
            why = self.why or "the return, the recruitment or the plan changed"
            self._note(Change(case_id, window.wave, "moved", row.window, window, why), row)

    def _note(self, change: Change, row: Row) -> None:
        self.changes.append(change)
        self.rows[change] = row.id


def _from(
    day: date, windows: Sequence[Window], fixed: Mapping[int, Row], plan: WavePlan
) -> tuple[tuple[Window, ...], dict[int, str]]:
    """The windows from a day on, before which the last opened one is not over; and the waves without room."""
    kept: list[Window] = []
    late: dict[int, str] = {}
    for window in windows:
        if window.wave in fixed or window.opens >= day or window.wave == 0:
            kept.append(window)
            continue
        opens = plan.blackouts.first_free(day)
        if opens <= window.closes:
            kept.append(replace(window, opens=opens, why=f"{window.why}; opens when the wave before is over"))
        else:
            late[window.wave] = "it would be over before the last opened wave is"
    return tuple(kept), late


@dataclass(frozen=True, slots=True)
class Prepared:
    """A layout made ready to be compared with what is stored: windows with reasons, and as they are shown."""

    windows: tuple[Window, ...]
    left_out: tuple[tuple[int, str], ...]
    shown: list[tuple[Any, ...]]
    tight: tuple[Window, ...]


def _shown(window: Window) -> tuple[Any, ...]:
    """What of a window is stored as its dates, as text."""
    days = (window.opens, window.due, window.closes)
    return (window.wave, *(day.isoformat() for day in days), window.form)


def _cached(plan: WavePlan) -> Callable[[Anchor], Prepared]:
    """`layout_of` that lays out the same anchor once: people came home in the same months."""
    by_return = {
        name: any(wave.origin == "return" for wave in track.waves) for name, track in plan.tracks.items()
    }
    known: dict[tuple[Any, ...], Prepared] = {}

    def layout(anchor: Anchor) -> Prepared:
        track = anchor.track or track_of(plan, anchor.returned, anchor.recruited)
        returned = anchor.returned if track is None or by_return[track] else None
        key = (track, returned, anchor.recruited, anchor.interviewed)
        if key not in known:
            known[key] = _prepared(
                layout_of(plan, replace(anchor, track=track)), _reason(anchor, track, returned)
            )
        return known[key]

    return layout


def _prepared(made: Layout, reason: str) -> Prepared:
    told = tuple(
        replace(one, why=f"{reason}; {one.why}") if one.why else _with_reason(one, reason)
        for one in made.windows
    )
    shown = sorted(_shown(window) for window in told)
    return Prepared(told, made.left_out, shown, tuple(window for window in told if window.is_tight))


def _with_reason(one: Window, reason: str) -> Window:
    """The window with its reason; made by hand, since it is done for every window of a panel."""
    return Window(one.wave, one.opens, one.due, one.closes, one.form, reason, one.is_tight)


def _stored(session: Session, wanted: Collection[str]) -> Iterator[tuple[str, list[Stored]]]:
    """The stored windows of these cases, case by case; days as text, quick to read and to compare."""
    session.flush()
    own = _PLANNED.c
    days = (cast(own[name], String) for name in DATES)
    columns: list[Any] = [own.case_id, own.id, own.state, own.wave, *days, own.form]
    query = select(*columns).order_by(own.case_id, own.wave)
    if len(wanted) <= FEW:
        query = query.where(own.case_id.in_(list(wanted)))
    rows = session.connection().execute(query.execution_options(yield_per=BATCH))
    for case_id, group in groupby(rows, key=itemgetter(0)):
        yield case_id, [row[1:] for row in group]


def _read(row: Stored) -> Row:
    """A stored window with its days as days."""
    number, state, wave, *days, form = row
    opens, due, closes = (date.fromisoformat(day) for day in days)
    return Row(number, state, Window(wave, opens, due, closes, form))


def _write(
    session: Session, changes: Sequence[Change], rows: Mapping[Change, int], *, now: datetime, who: str
) -> None:
    """Make the differences: what was before is kept first, then new, moved and dropped windows."""
    if not changes:
        return
    connection = session.connection()
    for batch in _batches([change for change in changes if change.before is not None]):
        ids = [rows[change] for change in batch]
        was = select(Planned.id, Planned.why).where(col(Planned.id).in_(ids))
        reasons: dict[int | None, str] = dict(row for row in session.execute(was))
        told = [_kept(change, reasons[rows[change]], now, who) for change in batch]
        connection.execute(insert(PlanChange), told)
        gone = [rows[change] for change in batch if change.after is None]
        connection.execute(delete(Planned).where(col(Planned.id).in_(gone)))
        if moved := [change for change in batch if change.after is not None]:
            connection.execute(_MOVE, [{"row": rows[one], **_values(one.after, now)} for one in moved])
    for batch in _batches([change for change in changes if change.before is None]):
        new = [{**_values(one.after, now), "case_id": one.case_id, "wave": one.wave} for one in batch]
        connection.execute(insert(Planned), [{**row, "state": "planned"} for row in new])
    session.expire_all()


_MOVE = update(_PLANNED).where(_PLANNED.c.id == bindparam("row"))


def _values(window: Window | None, now: datetime) -> dict[str, Any]:
    """The columns of a planned window that follow from the plan."""
    assert window is not None
    return {
        "opens": window.opens,
        "due": window.due,
        "closes": window.closes,
        "form": window.form,
        "why": window.why,
        "made_at": now,
    }


def _kept(change: Change, was: str, now: datetime, who: str) -> dict[str, Any]:
    """The row that keeps what a window was."""
    before = change.before
    assert before is not None
    return {
        "case_id": change.case_id,
        "wave": change.wave,
        "change": change.kind,
        "opens": before.opens,
        "due": before.due,
        "closes": before.closes,
        "form": before.form,
        "was": was,
        "why": change.why,
        "who": who,
        "at": now,
    }


def _batches(rows: Sequence[Change]) -> Iterator[Sequence[Change]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _reason(anchor: Anchor, track: str | None, returned: date | None) -> str:
    """What the dates of a case were counted from."""
    back = f"returned {returned:%Y-%m}, " if returned else ""
    issued = "recruited" if anchor.interviewed else "issued"
    return f"{track or 'no track'}: {back}{issued} {anchor.recruited}"


def _told(changes: Iterable[Change]) -> Iterator[Finding]:
    """A note for each window that was moved or dropped."""
    for change in changes:
        before, after = change.before, change.after
        where = f"case/{change.case_id}/wave/{change.wave}"
        if before is not None and after is not None:
            message = (
                f"the window from {before.opens} to {before.closes}, due {before.due}, is now from "
                f"{after.opens} to {after.closes}, due {after.due}: {change.why}."
            )
            yield Finding("note", "wave.moved", where, message)
        elif before is not None:
            message = f"the window from {before.opens} to {before.closes} was dropped: {change.why}."
            yield Finding("note", "wave.dropped", where, message)


def _tight(case_id: str, window: Window) -> Finding:
    message = (
        f"blackouts leave few days of the window from {window.opens} to {window.closes}; plan more people "
        "for them, or give the plan more days in `extend_days`."
    )
    return Finding("warning", "wave.tight", f"case/{case_id}/wave/{window.wave}", message)
