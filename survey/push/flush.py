"""Flush: every row that is not confirmed is sent, kind by kind, in an order that errs on the safe side.

Rows are committed as *sent* before the call and as *confirmed* after it, a batch at a time. What Central
refuses becomes *failed* and a finding and is tried again at the next flush; what Central has not made yet
waits. Before anything is sent, Central is asked: what stands there already is confirmed unsent, which also
resolves a reply that was lost. A Central that cannot be reached raises, and leaves the rows for the next
time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select

from instruments.findings import Finding
from survey.central import Central
from survey.errors import CentralRejected
from survey.failpoints import passed
from survey.models import Outbox
from survey.push.entities import SENDERS as ENTITY_SENDERS
from survey.push.people import SENDERS as PEOPLE_SENDERS
from survey.push.wire import BATCH, Outcome, Sender, Wire

# The order of sending: nobody is given a form before the lists are limited to each one's own.
KINDS = (
    *("property", "app_user", "value", "access", "assignment", "form_state"),
    *("returnee", "tracing", "conflict"),
)
SENDERS = {**PEOPLE_SENDERS, **ENTITY_SENDERS}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a flush came to: rows sent, standing already, waiting for Central, refused; findings."""

    sent: int = 0
    standing: int = 0
    waiting: int = 0
    failed: int = 0
    findings: tuple[Finding, ...] = field(default=())

    def __add__(self, other: Pushed) -> Pushed:
        return Pushed(
            self.sent + other.sent,
            self.standing + other.standing,
            self.waiting + other.waiting,
            self.failed + other.failed,
            (*self.findings, *other.findings),
        )


COUNTS = ("sent", "standing", "waiting", "failed")


def flush(session: Session, central: Central, now: datetime, *, wire: Wire | None = None) -> Pushed:
    """Send every row that is not confirmed, in the order of `KINDS`; `wire` is what is known of Central."""
    wire = wire or Wire(session, central, now)
    with _kept(session):
        return _flushed(session, wire, now)


@contextmanager
def _kept(session: Session) -> Iterator[None]:
    """What was read of a row stays known after a commit: nobody else changes it while we push."""
    before, session.expire_on_commit = session.expire_on_commit, False
    try:
        yield
    finally:
        session.expire_on_commit = before


def _flushed(session: Session, wire: Wire, now: datetime) -> Pushed:
    query = select(Outbox).where(col(Outbox.state) != "confirmed").order_by(col(Outbox.id))
    rows = session.exec(query).all()
    tally = dict.fromkeys(COUNTS, 0)
    findings: list[Finding] = []
    for kind in KINDS:
        own = [row for row in rows if row.kind == kind]
        if not own:
            continue
        send = SENDERS[kind](wire, own)
        for batch in (own[start : start + BATCH] for start in range(0, len(own), BATCH)):
            for row in batch:
                row.state, row.attempts, row.sent_at = "sent", row.attempts + 1, now
            session.commit()
            passed("push.marked")
            for row in batch:
                outcome, found = _attempt(send, row)
                passed("push.told")
                tally[outcome] += 1
                findings += found
            session.commit()
            passed("push.confirmed")
    return Pushed(**tally, findings=tuple(findings))


def _attempt(send: Sender, row: Outbox) -> Outcome:
    """Send one row and note on it what came of it."""
    if not row.payload:
        row.state, row.error = "confirmed", "redacted"
        return "standing", []
    try:
        outcome, findings = send(row)
    except CentralRejected as error:
        row.state, row.error = "failed", error.code or str(error.status)
        message = f"Central refused this write ({row.error}); it is tried again at the next push."
        return "failed", [Finding("error", "push.refused", f"outbox/{row.key}", message)]
    row.state = "planned" if outcome == "waiting" else "confirmed"
    row.error = "waits for Central" if outcome == "waiting" else ""
    return outcome, findings
