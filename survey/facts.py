"""Facts: what all answers so far tell about cases.

From the usable answers come the links of baselines to cases, who left for good, how to reach people, and
which waves have their final outcome: everything that `survey.cases.settle` needs, all of it every time, so
that a corrected or rejected answer mends what it told. No rule about answers is here, and nothing is
written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from xml.etree import ElementTree

import pandas as pd
from sqlmodel import Session

from survey import cases
from survey.answers import ATTEMPT, BASELINE, FOLLOWUP, holds, newest_edits, usable

TOLD = (
    *("ret_y", "ret_m", "panel_id", "phone1", "c1_name", "c1_phone", "new_phone"),
    *("att_res", "att_time", "soft_ref", "res_code"),
    *("sex", "int_lang"),
)
GENDERS = {1: "m", 2: "f"}
LANGUAGES = {1: "vi", 2: "en", 3: "ja", 4: "id", 5: "km", 6: "my", 7: "tl", 8: "tai", 9: "hmn"}
"""Codes of the forms, as the team's languages are written: ISO 639, `tai` for the Thai of Viet Nam."""


def facts(session: Session) -> cases.Facts:
    """What all answers so far tell about cases: links, exits, contact details, finished waves."""
    forms = usable(session, TOLD)
    interviews = {form: forms[form].frame for form in (BASELINE, FOLLOWUP)}
    attempts = forms[ATTEMPT].frame
    entities = _made_entities(session, interviews[BASELINE])
    return cases.Facts(
        baselines=tuple(_baselines(interviews[BASELINE], entities)),
        exits=tuple(_exits(attempts, interviews)),
        details=tuple(_details(interviews, attempts)),
        done=_done(interviews, attempts),
    )


def _baselines(frame: pd.DataFrame, entities: Mapping[str, str]) -> Iterable[cases.Baseline]:
    told = ("case_id", "instance_id", "today", "ret_y", "ret_m", "panel_id", "sex", "int_lang")
    for row in _rows(frame[holds(frame, "con_part", 1)], *told):
        day = _day(row.get("today"))
        if day is None:
            continue
        yield cases.Baseline(
            case_id=row["case_id"],
            instance_id=row["instance_id"],
            interviewed=day,
            returned=_month_of_return(row.get("ret_y"), row.get("ret_m")),
            panel_id=_str(row.get("panel_id")) or None,
            entity_uuid=entities.get(row["instance_id"]),
            follow=row["instance_id"] in entities,
            gender=_coded(row.get("sex"), GENDERS),
            language=_coded(row.get("int_lang"), LANGUAGES),
        )


def _exits(attempts: pd.DataFrame, interviews: Mapping[str, pd.DataFrame]) -> Iterable[cases.Exit]:
    """Who left for good, by the result of an attempt or of an interview."""
    for frame, result, moment in (
        (attempts, "att_res", "att_time"),
        *((frame, "res_code", "today") for frame in interviews.values()),
    ):
        if result not in frame:
            continue
        left = frame[frame[result].isin(list(cases.EXITS))]
        for row in _rows(left, "case_id", result, moment, "today"):
            day = _day(row.get(moment)) or _day(row.get("today"))
            if day is not None:
                yield cases.Exit(row["case_id"], cases.EXITS[int(row[result])], day)


def _details(interviews: Mapping[str, pd.DataFrame], attempts: pd.DataFrame) -> Iterable[cases.Details]:
    """Contact details told in interviews and attempts, with the day they were told on."""
    for frame in interviews.values():
        for row in _rows(frame, "case_id", "today", "phone1", "c1_name", "c1_phone"):
            yield cases.Details(
                row["case_id"],
                str(_day(row.get("today")) or ""),
                phone1=_str(row.get("phone1")),
                c1_name=_str(row.get("c1_name")),
                c1_phone=_str(row.get("c1_phone")),
            )
    for row in _rows(attempts, "case_id", "new_phone", "att_time"):
        if phone := _str(row.get("new_phone")):
            yield cases.Details(row["case_id"], _str(row.get("att_time")), phone1=phone)


def _done(interviews: Mapping[str, pd.DataFrame], attempts: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Waves whose outcome is final: an interview with consent, or a refusal that nobody is to try again."""
    done: dict[tuple[str, int], str] = {}
    if len(attempts):
        hard = attempts["att_res"].isin([2110, 2111]) & holds(attempts, "soft_ref", 0)
        done |= dict.fromkeys(_keys(attempts[hard]), "refused")
    for frame in interviews.values():
        done |= dict.fromkeys(_keys(frame[holds(frame, "con_part", 1)]), "interviewed")
    return done


def _rows(frame: pd.DataFrame, *names: str) -> Iterable[dict[str, Any]]:
    """The rows with these variables alone, as far as the frame has them."""
    chosen = frame[[name for name in dict.fromkeys(names) if name in frame]]
    return chosen.to_dict("records")


def _keys(frame: pd.DataFrame) -> list[tuple[str, int]]:
    return [(case_id, int(wave)) for case_id, wave in zip(frame["case_id"], frame["wave"], strict=True)]


def _made_entities(session: Session, frame: pd.DataFrame) -> dict[str, str]:
    """The UUID of the `returnee` entity that each baseline made, by instance; none where it made none."""
    wanted = set(frame["instance_id"])
    made = {}
    for row in newest_edits(session, BASELINE):
        if row.instance_id in wanted and (found := entity_of(row.xml, "returnee")):
            made[row.instance_id] = found
    return made


def entity_of(xml: str, dataset: str) -> str | None:
    """The UUID of the entity that a submission creates in that list, if it creates one."""
    for element in ElementTree.fromstring(xml).iter():
        if element.tag.rpartition("}")[2] == "entity" and element.get("dataset") == dataset:
            return element.get("id") if element.get("create") in ("1", "true") else None
    return None


def _month_of_return(year: object, month: object) -> date | None:
    """The first of the month of return; June stands for an unknown month, for planning only."""
    if _missing(year) or int(year) == 9998:  # type: ignore[call-overload]
        return None
    known = 6 if _missing(month) or int(month) == 98 else int(month)  # type: ignore[call-overload]
    return date(int(year), known, 1)  # type: ignore[call-overload]


def _coded(value: object, words: Mapping[int, str]) -> str:
    return "" if _missing(value) else words.get(int(value), "")  # type: ignore[call-overload]


def _day(value: object) -> date | None:
    if _missing(value):
        return None
    return pd.Timestamp(str(value)[:10]).date()


def _str(value: object) -> str:
    return "" if _missing(value) else str(value).strip()


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value
