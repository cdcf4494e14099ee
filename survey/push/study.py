"""The push of a study, in order: plan, send, settle conflicts, look at every tablet, repair, look again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlmodel import Session

from instruments.findings import Finding, sort_findings
from survey import outbox
from survey.central import Central, Tablets
from survey.failpoints import passed
from survey.outbox import Write
from survey.push import access, conflicts, shown, states
from survey.push.alone import alone
from survey.push.flush import KINDS, Pushed, flush
from survey.push.people import users_of

if TYPE_CHECKING:
    from survey.app import App
    from survey.config import Settings

log = logging.getLogger(__name__)

PLANNED = tuple(kind for kind in KINDS if kind != "conflict")  # kinds of which everything wanted is known


def push_study(app: App, *, now: datetime, run_id: int | None = None) -> Pushed:
    """Tell Central who is due, with whom and until when, and see that each tablet shows it.

    When another push works on this database nothing is done: that one sends these rows as well.
    """
    with alone(app.engine) as free:
        if not free:
            message = "another push works on this database; it sends what this one would."
            return Pushed(findings=(Finding("note", "push.busy", "outbox", message),))
        with app.session() as session, app.central() as central, Tablets(app.settings.central) as tablets:
            today = now.astimezone(app.zone).date()
            return push(
                session, central, tablets, app.settings, seed=app.seed, today=today, now=now, run_id=run_id
            )


def push(
    session: Session,
    central: Central,
    tablets: Tablets,
    settings: Settings,
    *,
    seed: int,
    today: date,
    now: datetime,
    run_id: int | None = None,
) -> Pushed:
    """The same for a session, a Central and tablets at hand."""
    wanted = everything(session, settings, seed=seed, today=today)
    outbox.drop(session, wanted, PLANNED)
    told = outbox.told(session)
    again, changed = access.strayed(central, wanted, told, users_of(session))
    _plan(session, [*outbox.plan_push(wanted, told), *again], now)
    done = flush(session, central, now)
    settling = conflicts.conflict_writes(session, central)
    fresh = outbox.plan_push(settling, outbox.told(session))
    if fresh:
        _plan(session, fresh, now)
        done += flush(session, central, now)
    looked, found = _look_after(session, central, tablets, wanted, settings, now=now, run_id=run_id)
    found = [*changed, *conflicts.settled([write for _, write in fresh]), *found]
    done = done + looked + Pushed(findings=tuple(found))
    return Pushed(done.sent, done.standing, done.waiting, done.failed, tuple(sort_findings(done.findings)))


def look_now(app: App, *, now: datetime) -> list[shown.Compared]:
    """What every tablet shows at this moment, compared; nothing is told, nothing is kept."""
    settings, today = app.settings, now.astimezone(app.zone).date()
    with app.session() as session, Tablets(settings.central) as tablets:
        wanted = everything(session, settings, seed=app.seed, today=today)
        expected = shown.expectation(session, wanted)
        ruled = settings.central.access_rule
        return shown.look(session, tablets, expected, forms=settings.study.forms, ruled=ruled)


def everything(session: Session, settings: Settings, *, seed: int, today: date) -> list[Write]:
    """How Central should stand today in all that is told through the outbox."""
    forms, central = settings.study.forms, settings.central
    project_seed = f"{central.project}/{seed}"  # no two projects may hold the same entity
    writes = outbox.wanted(session, today, forms=forms, seed=project_seed)
    writes += states.form_writes(session, forms, today, grace=central.grace_days)
    if central.access_rule:
        team = [write.subject for write in writes if write.kind == "app_user"]
        writes += access.access_writes(team)
    return writes


def _plan(session: Session, planned: Sequence[tuple[int, Write]], now: datetime) -> None:
    outbox.enqueue(session, planned, now)
    passed("push.planned")
    session.commit()
    passed("push.queued")


def _look_after(
    session: Session,
    central: Central,
    tablets: Tablets,
    wanted: Sequence[Write],
    settings: Settings,
    *,
    now: datetime,
    run_id: int | None,
) -> tuple[Pushed, list[Finding]]:
    """Look at every tablet; tell again what is wrong, and look once more."""
    forms, ruled = settings.study.forms, settings.central.access_rule
    expected = shown.expectation(session, wanted)
    first = shown.look(session, tablets, expected, forms=forms, ruled=ruled)
    shown.keep(session, first, now, run_id)
    passed("push.compared")
    session.commit()
    passed("push.looked")
    repairs = shown.repairs(first, wanted, outbox.told(session))
    if not repairs:
        return Pushed(), [*shown.alarms(first), *shown.shortfalls(first)]
    _plan(session, repairs, now)
    done = flush(session, central, now)
    second = shown.look(session, tablets, expected, forms=forms, ruled=ruled)
    shown.keep(session, second, now, run_id)
    session.commit()
    alarms = shown.alarms(first) or shown.alarms(second)
    log.info("push.repaired rows=%d", len(repairs))
    return done, [*alarms, *shown.repaired(first, second), *shown.shortfalls(second)]
