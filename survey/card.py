"""Card: one case on one page – where each wave stands, who has it since when and why, and what happens next.

The one answer to "where is this person's wave 3, who has it, and what happens next?", put together from what
is kept: windows, assignments with their reasons, hand-overs, late work, changes of the sample, household,
coupon. No name, no phone and no answer is on it, of this person or of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, or_, select

from survey import answers
from survey.errors import SurveyError
from survey.facts import facts
from survey.models import Assignment, Case, CaseChange, Coupon, HandoverStep, Planned
from survey.people import handover, households
from survey.people.late import Late

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """A case, its waves, how it came to whom, what waits for somebody, and the next step in one sentence."""

    case: Row
    waves: tuple[Row, ...]
    assignments: tuple[Row, ...]
    handovers: tuple[Row, ...]
    late: tuple[Row, ...]
    changes: tuple[Row, ...]
    next: str


def card(session: Session, key: str, *, today: date) -> Card:
    """The card of the case of that number, pseudonym or panel number; `SurveyError` if there is none."""
    case = find(session, key)
    planned = session.exec(select(Planned).where(Planned.case_id == case.case_id).order_by(col(Planned.wave)))
    given = session.exec(
        select(Assignment)
        .where(Assignment.case_id == case.case_id)
        .order_by(col(Assignment.starts_on), col(Assignment.id))
    ).all()
    steps = session.exec(
        select(HandoverStep).where(HandoverStep.case_id == case.case_id).order_by(col(HandoverStep.id))
    ).all()
    late = [item for item in answers.late_work(session) if item.case_id == case.case_id]
    changes = session.exec(
        select(CaseChange).where(CaseChange.case_id == case.case_id).order_by(col(CaseChange.id))
    )
    done = facts(session).done
    waves = [_wave(row, given, done.get((row.case_id, row.wave), "")) for row in planned]
    return Card(
        case=_about(session, case),
        waves=tuple(waves),
        assignments=tuple(_assignment(row) for row in given),
        handovers=tuple(_step(step) for step in steps),
        late=tuple(_late(item) for item in late),
        changes=tuple(
            {
                "at": f"{row.at:%Y-%m-%d}",
                "variable": row.variable,
                "before": row.before,
                "after": row.after,
                "source": row.source,
            }
            for row in changes
        ),
        next=what_next(case, waves, given, steps[-1] if steps else None, late, today),
    )


def find(session: Session, key: str) -> Case:
    """The case of that number on the list, pseudonym or panel number."""
    named = or_(Case.case_id == key, Case.person_id == key, Case.panel_id == key)
    found = session.exec(select(Case).where(named)).first()
    if found is None:
        cure = "give the number on the sample list, the pseudonym or the panel number"
        raise SurveyError("no such case", where=key, cure=cure)
    return found


def what_next(
    case: Case,
    waves: Sequence[Row],
    given: Sequence[Assignment],
    step: HandoverStep | None,
    late: Sequence[Late],
    today: date,
) -> str:
    """What happens next with a case and who is to act, in one sentence or two."""
    waiting = sum(not item.verdict for item in late)
    also = f" {waiting} late submissions wait for a ruling: `survey cases late`." if waiting else ""
    if case.status != "active":
        return f"Nothing more is planned: {case.status}.{also}"
    if step is not None and step.state in handover.UNDER_WAY:
        return _on_the_way(step) + also
    opened = [row for row in waves if row["state"] == "open"]
    if opened:
        return _visit(opened[-1], today) + also
    coming = [row for row in waves if row["state"] == "planned" and row["opens"] > today]
    if coming:
        holder = f", for {given[-1].enumerator} if the rules still allow" if given else ""
        first = coming[0]
        return f"Wave {first['wave']} opens on {first['opens']}{holder}.{also}"
    return f"No further wave is planned.{also}"


def _visit(row: Row, today: date) -> str:
    if not row["enumerator"]:
        return (
            f"Wave {row['wave']} is open until {row['closes']} and with nobody: "
            "see why with `survey cases assign --dry-run`."
        )
    if today < row["opens"]:
        return f"{row['enumerator']} visits from {row['opens']} to {row['closes']} (wave {row['wave']})."
    return f"{row['enumerator']} visits or calls until {row['closes']} (wave {row['wave']}, {row['form']})."


def _on_the_way(step: HandoverStep) -> str:
    towards = step.successor or "whom the rules choose"
    if step.state == "released":
        return f"It moves from {step.former} to {towards} with the next job `waves`."
    return (
        f"It waits, since {step.at:%Y-%m-%d %H:%M} UTC, for the tablet of {step.former} to send or for "
        f"`survey cases hand-over {step.case_id} --confirm`, then moves to {towards}."
    )


def _about(session: Session, case: Case) -> Row:
    coupon = session.exec(select(Coupon).where(Coupon.code == case.case_id)).first()
    names = ("case_id", "person_id", "panel_id", "status", "track", "sample", "frame_src", "psu_code")
    told = {name: getattr(case, name) or "" for name in names}
    anchors = {"returned": case.returned_on, "recruited": case.recruited_on}
    return {
        **told,
        **{name: day.isoformat() if day else "" for name, day in anchors.items()},
        "household": " ".join(sorted(households.members(session).get(case.case_id, ()))),
        "coupon of": coupon.case_id if coupon else "",
    }


def _wave(row: Planned, given: Sequence[Assignment], outcome: str) -> Row:
    own = [item for item in given if item.wave == row.wave]
    last = own[-1] if own else None
    return {
        "wave": row.wave,
        "form": row.form,
        "opens": row.opens,
        "due": row.due,
        "closes": row.closes,
        "state": row.state,
        "outcome": outcome,
        "enumerator": last.enumerator if last else "",
        "since": last.starts_on if last else "",
    }


def _assignment(row: Assignment) -> Row:
    return {
        "wave": row.wave,
        "since": row.starts_on,
        "enumerator": row.enumerator,
        "by": row.made_by,
        "why": row.why.get("reason", ""),
    }


def _step(step: HandoverStep) -> Row:
    return {
        "number": step.number,
        "state": step.state,
        "at": f"{step.at:%Y-%m-%d %H:%M}",
        "from": step.former,
        "to": step.successor or "",
        "who": step.who,
        "why": step.why,
        "evidence": step.evidence.get("kind", ""),
    }


def _late(item: Late) -> Row:
    return {
        "instance": item.instance_id,
        "form": item.form,
        "wave": item.wave,
        "from": item.former,
        "case was with": item.holder,
        "sent": f"{item.sent:%Y-%m-%d %H:%M}",
        "ruling": item.verdict or "waits",
    }
