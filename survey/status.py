"""Status: where the field stands today, by wave, by interviewer, and what waits.

Everything is computed from the store at the moment of asking: outcomes as a release would have them, windows
and assignments as planned, what Central has not been told, what is quarantined and what the checks found.
The daily field report and `survey status` show these rows; research reports use releases only. No names, no
case numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
from sqlmodel import Session, col, func, select

from analysis import panel, rates
from instruments.findings import Finding, sort_findings
from survey import cases, responses
from survey.checks import run_checks
from survey.models import Outbox, Release, Run, Submission

SOON = timedelta(days=14)
CLASSES = {
    "interviewed": ("I", "P"),
    "refused": ("R",),
    "not reached": ("NC",),
    "other": ("O",),
    "unknown": ("U",),
    "left": ("NE",),
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """Rows by wave and by interviewer, single facts, and all findings on the answers as they stand."""

    waves: tuple[Row, ...]
    team: tuple[Row, ...]
    facts: tuple[Row, ...]
    findings: tuple[Finding, ...]


def status(session: Session, *, today: date, seed: int) -> Status:
    """The field as it stands on this day."""
    read = responses.read(session, seed=seed)
    made = panel.build(read.frames, read.codebook)
    window = read.frames["issued"][["person_id", "wave", "state"]].rename(columns={"state": "window"})
    rows = made.frames["person_waves"].merge(window, on=["person_id", "wave"])
    findings = sort_findings([*read.findings, *made.findings, *run_checks(read, read.codebook)])
    due = cases.due(session, today)
    return Status(
        waves=tuple(by_wave(rows)),
        team=tuple(by_enumerator(rows, _given(session), due, read.frames["attempts"], today)),
        facts=tuple(_facts(session, due, read, findings, today)),
        findings=tuple(findings),
    )


def by_wave(rows: pd.DataFrame) -> list[Row]:
    """One row per wave: how many were issued, are open, and ended how; and the panel rates.

    `rows` are person-waves with `window` (open, closed).
    """
    if rows.empty:
        return []
    kept = rates.panel(rows).set_index("wave")
    return [
        {
            "wave": int(wave),
            **_tally(own),
            "of the baseline": _percent(kept["cumulative"].get(wave)),
            "status known": _percent(kept["status_known"].get(wave)),
        }
        for wave, own in rows.groupby("wave")
    ]


def by_enumerator(
    rows: pd.DataFrame,
    given: Mapping[tuple[str, int], str],
    due: Iterable[cases.Due],
    attempts: pd.DataFrame,
    today: date,
) -> list[Row]:
    """One row per interviewer: what was given, how it ended, what is to be done and what closes soon."""
    keys = zip(rows["person_id"], rows["wave"], strict=True)
    owner = pd.Series([given.get((person, int(wave)), "") for person, wave in keys], index=rows.index)
    to_do = Counter(item.enumerator for item in due)
    soon = Counter(item.enumerator for item in due if item.closes - today <= SOON)
    tried = Counter(attempts["enum_id"].dropna())
    names = sorted({*owner, *to_do, *tried} - {""})
    return [
        {
            "enumerator": name,
            **_tally(rows[owner == name]),
            "attempts": tried[name],
            "due": to_do[name],
            "closing soon": soon[name],
        }
        for name in names
    ]


def _tally(rows: pd.DataFrame) -> Row:
    held = rows["outcome_class"].fillna("")
    counts = {name: int(held.isin(list(classes)).sum()) for name, classes in CLASSES.items()}
    is_open = int(((rows["window"] == "open") & ~held.isin(["I", "P"])).sum())
    made = rates.response(rows)
    shares = {"RR2": _percent(made.rr2), "REF1": _percent(made.ref1), "CON1": _percent(made.con1)}
    return {"issued": len(rows), "open": is_open, **counts, **shares}


def _percent(share: float | None) -> str:
    return "" if share is None or pd.isna(share) else f"{share:.0%}"


def _given(session: Session) -> dict[tuple[str, int], str]:
    """Who has which person in which wave."""
    people = cases.table(session)
    person = dict(zip(people["case_id"], people["person_id"], strict=True))
    return {(person[case_id], wave): who for (case_id, wave), who in cases.enumerators_of(session).items()}


def _facts(
    session: Session,
    due: list[cases.Due],
    read: responses.Responses,
    findings: Iterable[Finding],
    today: date,
) -> list[Row]:
    levels = Counter(finding.level for finding in findings)
    waiting = session.exec(select(func.count()).where(col(Outbox.state) != "confirmed")).one()
    newest = session.exec(
        select(Submission.submitted_at).order_by(col(Submission.submitted_at).desc())
    ).first()
    synced = session.exec(
        select(Run.finished_at).where(Run.job == "sync", Run.state == "done").order_by(col(Run.id).desc())
    ).first()
    release = session.exec(select(Release.digest).order_by(col(Release.id).desc())).first()
    facts = {
        "day": today,
        "due now": len(due),
        "quarantined submissions": len(read.quarantined),
        "findings: errors": levels["error"],
        "findings: warnings": levels["warning"],
        "not yet told to Central": waiting,
        "newest submission": newest.isoformat(timespec="minutes") if newest else "",
        "last sync": synced.isoformat(timespec="minutes") if synced else "",
        "last release": (release or "")[:12],
    }
    return [{"what": name, "is": value} for name, value in facts.items()]
