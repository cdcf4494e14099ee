"""Late work: sent by a former enumerator after the case had moved on; kept, and for a person to rule on.

A submission is late if, when Central received it, the case was with somebody else in its wave and its
enumerator had had it before. It is quarantined (`survey.answers`) and listed by `survey cases late` until
somebody accepts or rejects it; what is accepted counts like any other, what is rejected stays in the store.
Lateness is computed, rulings are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

import pandas as pd
from sqlmodel import Session, col, select

from survey.errors import SurveyError
from survey.models import Assignment, LateRuling, Submission


@dataclass(frozen=True, slots=True)
class Late:
    """A late submission: whose work it is, who had the case by then, and what was ruled (empty: it waits)."""

    form: str
    instance_id: str
    case_id: str
    wave: int
    former: str
    holder: str
    sent: datetime
    verdict: str = ""


def found(session: Session, form: str, frame: pd.DataFrame) -> list[Late]:
    """The late ones of a form's placed submissions, with their ruling; by the time they came."""
    series = _changed_hands(session)
    if not series or frame.empty or "enum_id" not in frame:
        return []
    rulings = verdicts(session, form)
    out = []
    columns = ("instance_id", "case_id", "wave", "enum_id", "submitted_at")
    for instance, case_id, wave, code, sent in zip(*(frame[name] for name in columns), strict=True):
        rows = series.get((case_id, int(wave)))
        if rows is None or pd.isna(code):
            continue
        moment = pd.Timestamp(sent).to_pydatetime()
        if holder := holder_instead(rows, str(code), moment):
            verdict = rulings.get(instance, "")
            out.append(Late(form, instance, case_id, int(wave), str(code), holder, moment, verdict))
    return sorted(out, key=lambda item: (item.sent, item.instance_id))


def holder_instead(rows: Sequence[Assignment], code: str, moment: datetime) -> str:
    """Who had the case at that moment instead of `code`, who had it before; empty if that is not so."""
    begun = [row for row in rows if begins(row) <= moment]
    if not begun or begun[-1].enumerator == code:
        return ""
    return begun[-1].enumerator if any(row.enumerator == code for row in begun) else ""


def begins(row: Assignment) -> datetime:
    """The moment from which an assignment counts; of one without a moment, the beginning of its day."""
    return row.made_at or datetime.combine(row.starts_on, time(), UTC)


def verdicts(session: Session, form: str) -> dict[str, str]:
    """The last ruling on each instance of a form."""
    query = select(LateRuling).where(LateRuling.form_id == form).order_by(col(LateRuling.id))
    return {row.instance_id: row.verdict for row in session.exec(query)}


def rule(session: Session, instance_id: str, *, accept: bool, who: str, why: str, now: datetime) -> bool:
    """Accept or reject a late submission; False if that is its last ruling already."""
    form = session.exec(select(Submission.form_id).where(Submission.instance_id == instance_id)).first()
    if form is None:
        cure = "copy it from `survey cases late`"
        raise SurveyError("no such submission", where=instance_id, cure=cure)
    verdict = "accepted" if accept else "rejected"
    if verdicts(session, form).get(instance_id) == verdict:
        return False
    session.add(LateRuling(form_id=form, instance_id=instance_id, verdict=verdict, who=who, why=why, at=now))
    session.flush()
    return True


def _changed_hands(session: Session) -> dict[tuple[str, int], list[Assignment]]:
    """All assignments, in order, of every case and wave that has more than one."""
    query = select(Assignment).order_by(col(Assignment.number))
    again = {(row.case_id, row.wave) for row in session.exec(query.where(Assignment.number > 1))}
    if not again:
        return {}
    series: dict[tuple[str, int], list[Assignment]] = defaultdict(list)
    theirs = query.where(col(Assignment.case_id).in_({case_id for case_id, _ in again}))
    for row in session.exec(theirs):
        if (row.case_id, row.wave) in again:
            series[row.case_id, row.wave].append(row)
    return series
