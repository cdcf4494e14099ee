"""Responses: the answers as analysis may see them.

`read` turns the usable answers (`survey.answers`) into the frames of a release's making: interviews,
calendars, attempts, and `issued`, one row per person and wave that was open to them. Identifying variables
and the keys of the field end here: these frames know a person by `person_id` and a sampling area by a
number. Findings and quarantined submissions are handed on. Rules about answers are in `survey.checks`,
indicators in `analysis`.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd
from sqlmodel import Session

from instruments.codebook import Codebook
from instruments.findings import Finding, sort_findings
from survey import cases, retractions, waves
from survey.answers import (
    ATTEMPT,
    BASELINE,
    FOLLOWUP,
    FORMS,
    Answers,
    Gathered,
    Quarantined,
    gather,
    text_of,
    whole,
)

CALENDAR = "ehc"  # the repeat of both interviews that holds the activity calendar

# Never handed to analysis, whatever the codebook says: keys of the field, the tablet's own records.
KEYS = (
    "case_id",
    "panel_id",
    "returnee",
    "rds_coupon",
    "deviceid",
    "username",
    "audit",
    "start",
    "end",
    "con_time",
    "instance_id",
)
ATTEMPT_COLUMNS = {
    "person_id": "string",
    "wave": "Int64",
    "att_no": "Int64",
    "att_mode": "Int64",
    "att_who": "Int64",
    "att_res": "Int64",
    "att_ref": "Int64",
    "soft_ref": "Int64",
    "whereab": "Int64",
    "wh_ctry": "Int64",
    "wh_since_y": "Int64",
    "wh_since_m": "Int64",
    "att_cm": "Int64",
    "day": "Int64",
    "enum_id": "string",
}
ISSUED_COLUMNS = {
    "person_id": "string",
    "wave": "Int64",
    "track": "string",
    "form": "string",
    "opens_cm": "Int64",
    "due_cm": "Int64",
    "closes_cm": "Int64",
    "state": "string",
    "frame_src": "Int64",
    "psu": "string",
    "stratum": "string",
    "incl_prob": "Float64",
    "case_status": "string",
}


@dataclass(frozen=True, slots=True)
class Responses:
    """Frames for analysis, the same answers with their instance for checks, and what was found on the way.

    `frames`: baseline, baseline_calendar, followup, followup_calendar, attempts, issued, retractions (what
    was said to be wrong in an earlier interview, beside it and not over it). `answers` and `calendars` are by
    form, with instance_id, person_id, wave and enum_id, without identifying variables.
    """

    frames: dict[str, pd.DataFrame]
    answers: dict[str, pd.DataFrame]
    calendars: dict[str, pd.DataFrame]
    codebook: Codebook
    quarantined: tuple[Quarantined, ...] = ()
    findings: tuple[Finding, ...] = ()
    okay: frozenset[tuple[str, str]] = frozenset()


def read(session: Session, *, seed: int, gathered: Gathered | None = None) -> Responses:
    """All responses as they stand, or as `gathered` before; `seed` keys the pseudonyms of areas."""
    gathered = gathered or gather(session)
    people, plan = cases.table(session), waves.table(session)
    personal = gathered.codebook.identifying() | {name for _, name in gathered.identifying}
    hidden = (personal | set(KEYS)) - _FOR_CHECKS
    answers = {form: _shown(gathered.forms[form].frame, hidden) for form in FORMS}
    calendars = {form: _calendar(gathered.forms[form], hidden) for form in (BASELINE, FOLLOWUP)}
    frames = {
        "baseline": _interviews(answers[BASELINE]),
        "baseline_calendar": _without_keys(calendars[BASELINE]),
        "followup": _interviews(answers[FOLLOWUP]),
        "followup_calendar": _without_keys(calendars[FOLLOWUP]),
        "attempts": _attempts(answers[ATTEMPT], people, plan),
        "issued": _issued(people, plan, seed),
        "retractions": retractions.frame(retractions.retractions(session, gathered)),
    }
    return Responses(
        frames,
        answers,
        calendars,
        gathered.codebook,
        gathered.quarantined,
        tuple(sort_findings(gathered.findings)),
        gathered.okay,
    )


_FOR_CHECKS = {"instance_id", "start", "end"}


def _shown(frame: pd.DataFrame, hidden: Collection[str]) -> pd.DataFrame:
    return frame[[name for name in frame if name not in hidden]]


def _calendar(typed: Answers, hidden: Collection[str]) -> pd.DataFrame:
    """The periods of the usable interviews, by person, wave and position."""
    keys = typed.frame[["instance_id", "person_id", "wave", "interview_cm"]] if len(typed.frame) else None
    held = typed.repeats.get(CALENDAR)
    if keys is None or held is None:
        kinds = {"instance_id": "string", "person_id": "string", "wave": "Int64", "position": "Int64"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    shown = held[[name for name in held if name not in hidden or name == "instance_id"]]
    return keys.merge(shown, on="instance_id").sort_values(
        ["person_id", "wave", "position"], ignore_index=True
    )


def _interviews(answers: pd.DataFrame) -> pd.DataFrame:
    return _without_keys(answers).drop(columns=["enum_id", "form_ver"], errors="ignore")


def _without_keys(frame: pd.DataFrame) -> pd.DataFrame:
    hidden = [*KEYS, "form_version", "submitted_at"]
    return frame.drop(columns=[name for name in hidden if name in frame])


def _attempts(answers: pd.DataFrame, people: pd.DataFrame, plan: pd.DataFrame) -> pd.DataFrame:
    """Contact attempts in the order they were made; `day` counts from 1 on the day the window opened."""
    day = pd.to_datetime(text_of(answers, "att_time").str.slice(0, 10), errors="coerce")
    pseudonyms = dict(zip(people["case_id"], people["person_id"], strict=True))
    opens = {
        (pseudonyms[row.case_id], row.wave): pd.Timestamp(row.opens) for row in plan.itertuples(index=False)
    }
    frame = answers.assign(
        att_cm=((day.dt.year - 1900) * 12 + day.dt.month).astype("Int64"), _time=text_of(answers, "att_time")
    )
    begins = pd.Series(
        [
            opens.get(key, pd.NaT)
            for key in zip(text_of(frame, "person_id"), whole(frame, "wave"), strict=True)
        ],
        index=frame.index,
        dtype="datetime64[s]",
    )
    frame["day"] = (day - begins).dt.days.astype("Int64") + 1
    if len(frame):
        frame = frame.sort_values(["person_id", "wave", "_time", "att_no"], ignore_index=True)
    return _shaped(frame, ATTEMPT_COLUMNS)


def _issued(people: pd.DataFrame, plan: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row per person and wave that has opened, and wave 0 of every case."""
    opened = plan[(plan["state"] != "planned") | (plan["wave"] == 0)]
    joined = opened.merge(people, on="case_id")
    months = {f"{name}_cm": _months(joined[name]) for name in ("opens", "due", "closes")}
    frame = joined.assign(
        **months,
        psu=[area_number(seed, code) if code else None for code in joined["psu_code"]],
        track=joined["track"].fillna(""),
        state=joined["state"].replace({"planned": "open"}),
        case_status=joined["status"],
        frame_src=pd.to_numeric(joined["frame_src"].replace("", None)),
    )
    return _shaped(frame.sort_values(["person_id", "wave"], ignore_index=True), ISSUED_COLUMNS)


def area_number(seed: int, psu_code: str) -> str:
    """The pseudonym of a sampling area: the same within the study, telling nothing of its place."""
    digest = hmac.digest(str(seed).encode(), psu_code.encode(), "sha256")
    return f"{int.from_bytes(digest[:6], 'big') % 10**7:07d}"


def _months(days: pd.Series) -> list[int]:
    return [(day.year - 1900) * 12 + day.month for day in days]


def _shaped(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The frame with exactly these columns and types; an absent one is all missing."""
    return pd.DataFrame(
        {
            name: (frame[name] if name in frame else pd.Series(pd.NA, frame.index)).astype(kind)
            for name, kind in columns.items()
        }
    ).reset_index(drop=True)
