"""Hand-over: a case on its way from one enumerator to another, in steps that can only be added to.

*frozen*: the case leaves the former enumerator's list and is on nobody's. *released*: the former tablet has
sent since the freeze, or a named supervisor says that nothing more is to come. *moved*: the case has its new
enumerator (`survey.people.moves`). Or *cancelled*: it stays where it was. Central tells when a tablet last
sent a submission and not when it last downloaded a list, so a tablet with nothing left to send needs the
supervisor's word. What still comes from it later is not lost but waits for a ruling (`survey.people.late`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from instruments.findings import Finding
from survey.errors import SurveyError
from survey.models import Assignment, Case, Enumerator, HandoverStep, Submission

UNDER_WAY = ("frozen", "released")
RULES = "rules"  # who acted, where nobody did


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a freeze came to: cases on their way now, and what was found about others."""

    cases: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def on_the_way(session: Session) -> dict[str, HandoverStep]:
    """The last step of every case that is frozen or released, by case."""
    return {case: step for case, step in last_steps(session).items() if step.state in UNDER_WAY}


def last_steps(session: Session, case_ids: Collection[str] | None = None) -> dict[str, HandoverStep]:
    """The last step of every case that was ever handed over, or of these."""
    query = select(HandoverStep).order_by(col(HandoverStep.id))
    if case_ids is not None:
        query = query.where(col(HandoverStep.case_id).in_(list(case_ids)))
    return {step.case_id: step for step in session.exec(query)}


def cases_of(session: Session, code: str) -> list[str]:
    """The active cases that this enumerator had last, by case."""
    active = set(session.exec(select(Case.case_id).where(Case.status == "active")))
    holders = _holders(session).items()
    return sorted(case_id for case_id, holder in holders if holder == code and case_id in active)


def freeze(
    session: Session,
    case_ids: Iterable[str],
    *,
    former: str | None = None,
    successor: str | None = None,
    who: str,
    why: str,
    now: datetime,
) -> Frozen:
    """Begin the hand-over of these cases; one that is under way, or that nobody has, is a finding.

    Without a `successor` the rules choose when the case moves. Raises `SurveyError` for a successor who is
    not in the team.
    """
    _require_active(session, successor)
    steps = last_steps(session)
    holders = _holders(session)
    done: list[str] = []
    findings: list[Finding] = []
    for case_id in case_ids:
        holder, step = holders.get(case_id), steps.get(case_id)
        if step is not None and step.state in UNDER_WAY:
            message = f"it is {step.state} already, since {step.at:%Y-%m-%d}; confirm or cancel that first."
            findings.append(Finding("note", "handover.under_way", case_id, message))
        elif holder is None or (former is not None and holder != former):
            message = "that enumerator does not have it; see `survey cases show`."
            findings.append(Finding("error", "handover.not_theirs", case_id, message))
        elif holder == successor:
            findings.append(Finding("error", "handover.same", case_id, "it is with that enumerator already."))
        else:
            number = step.number + 1 if step is not None else 1
            session.add(_step(case_id, number, "frozen", holder, successor, who=who, why=why, now=now))
            done.append(case_id)
    session.flush()
    return Frozen(tuple(done), tuple(findings))


def confirm(session: Session, case_ids: Iterable[str], *, who: str, why: str, now: datetime) -> list[str]:
    """Release frozen cases on a supervisor's word; the cases released by it."""
    frozen = [step for step in _under_way(session, case_ids) if step.state == "frozen"]
    evidence = {"kind": "word"}
    for step in frozen:
        session.add(_next(step, "released", who=who, why=why, evidence=evidence, now=now))
    session.flush()
    return [step.case_id for step in frozen]


def cancel(session: Session, case_ids: Iterable[str], *, who: str, why: str, now: datetime) -> list[str]:
    """Leave cases under way where they were; the cases left."""
    steps = _under_way(session, case_ids)
    for step in steps:
        session.add(_next(step, "cancelled", who=who, why=why, evidence={}, now=now))
    session.flush()
    return [step.case_id for step in steps]


def release(session: Session, *, now: datetime) -> list[str]:
    """Release every frozen case whose former tablet has sent since; the cases released."""
    released = []
    for step in on_the_way(session).values():
        if step.state == "frozen" and (evidence := sent_since(session, step.former, step.at)):
            session.add(_next(step, "released", who=RULES, why=step.why, evidence=evidence, now=now))
            released.append(step.case_id)
    session.flush()
    return released


def sent_since(session: Session, code: str, since: datetime) -> dict[str, Any]:
    """The first submission after a moment, by Central's clock, that names this enumerator or their login."""
    user = session.exec(select(Enumerator.app_user_id).where(Enumerator.code == code)).first()
    named = col(Submission.xml).contains(f"<enum_id>{code}</enum_id>", autoescape=True)
    columns = select(Submission.instance_id, Submission.submitted_at, Submission.meta, named)
    later = columns.where(Submission.submitted_at > since)
    for instance, moment, meta, by_name in session.exec(later.order_by(col(Submission.submitted_at))):
        if by_name or (user is not None and _submitter(meta) == str(user)):
            return {"kind": "submission", "instance": instance, "at": moment.isoformat()}
    return {}


def moved(step: HandoverStep, *, successor: str, now: datetime) -> HandoverStep:
    """The step that ends a hand-over, once the case has its new enumerator."""
    done = _next(step, "moved", who=step.who, why=step.why, evidence={}, now=now)
    done.successor = successor
    return done


def _submitter(meta: Mapping[str, Any]) -> str:
    inner = meta.get("__system", meta)
    return str(inner.get("submitterId") or "") if isinstance(inner, Mapping) else ""


def _holders(session: Session) -> dict[str, str]:
    query = select(Assignment.case_id, Assignment.enumerator)
    rows = session.exec(query.order_by(col(Assignment.starts_on), col(Assignment.id)))
    return dict(rows.all())


def _under_way(session: Session, case_ids: Iterable[str]) -> list[HandoverStep]:
    """The last steps of these cases; raises `SurveyError` for one that is not under way."""
    steps = on_the_way(session)
    wanted = list(dict.fromkeys(case_ids))
    for case_id in wanted:
        if case_id not in steps:
            cure = "begin one with `survey cases hand-over CASE --to CODE`"
            raise SurveyError("no hand-over of this case is under way", where=case_id, cure=cure)
    return [steps[case_id] for case_id in wanted]


def _require_active(session: Session, code: str | None) -> None:
    if code is None:
        return
    found = session.exec(select(Enumerator.active).where(Enumerator.code == code)).first()
    if not found:
        cure = "name an active member of `survey enumerators list`"
        raise SurveyError("nobody of that code is in the team", where=code, cure=cure)


def _next(
    step: HandoverStep, state: str, *, who: str, why: str, evidence: Mapping[str, Any], now: datetime
) -> HandoverStep:
    return _step(
        step.case_id,
        step.number,
        state,
        step.former,
        step.successor,
        who=who,
        why=why,
        now=now,
        evidence=evidence,
    )


def _step(
    case_id: str,
    number: int,
    state: str,
    former: str,
    successor: str | None,
    *,
    who: str,
    why: str,
    now: datetime,
    evidence: Mapping[str, Any] | None = None,
) -> HandoverStep:
    return HandoverStep(
        case_id=case_id,
        number=number,
        state=state,
        former=former,
        successor=successor,
        who=who,
        why=why,
        evidence=dict(evidence or {}),
        at=now,
    )
