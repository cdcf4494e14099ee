"""Checks on arrival: rules over the responses that turn what looks wrong into findings.

A check is a function `(responses, codebook) → findings` registered with `@check`; adding one is writing one,
with its words in `WORDS`. Checks look, they never change or drop an answer. Codes are stable; `where` is
form/instance/variable, and a correction that says *okay* to that value silences the check
(`survey.corrections`). The rules are the high-frequency checks of the field specification; what is a matter
of decoding or of identity is found earlier, in `survey.answers`. Messages hold no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from instruments.codebook import Codebook
from instruments.findings import Finding, sort_findings
from survey.answers import ATTEMPT, BASELINE, FOLLOWUP
from survey.responses import Responses

Check = Callable[[Responses, Codebook], Iterable[Finding]]
CHECKS: dict[str, Check] = {}

ENOUGH = 20  # answers below which a share or a percentile says nothing about an interviewer or a question
FAR = 5.0  # times the median: beyond it, an amount above the 99th percentile is asked about
MARGIN = 0.2  # by how much an interviewer's share may lie above that of the others
NIGHT = (22, 6)  # an interview that begins between these hours is asked about

WORDS = {
    "consent.answers": ("error", "answers without consent to take part; ask whether they must be removed."),
    "consent.sensitive": ("error", "sensitive questions answered without that consent; ask the supervisor."),
    "wave.window": ("warning", "the interview lies outside the window of its wave; check wave and date."),
    "wave.not_open": ("warning", "this wave was not open for this person; check the wave."),
    "interview.night": ("warning", "begun at night; check the tablet's clock and ask the interviewer."),
    "interview.duration": (
        "warning",
        "far shorter or longer than others of its kind; listen to it or call back.",
    ),
    "money.outlier": ("warning", "the amount is far above all others; check its unit."),
    "money.contract": (
        "warning",
        "the first pay is over three times that of the contract; check both units.",
    ),
    "money.total": ("warning", "the cost items do not add up to the total; ask which is right."),
    "dates.order": ("error", "birth, departure, return, first job, interview are out of order; correct one."),
    "calendar.gap": (
        "warning",
        "the period does not begin where the one before ended; correct the calendar.",
    ),
    "calendar.reversed": ("warning", "the period ends before it begins; correct the calendar."),
    "calendar.open": ("warning", "only the last period can be still going on; correct the calendar."),
    "identity.doubt": (
        "error",
        "the year of birth does not fit the baseline; the supervisor confirms the person.",
    ),
    "interviewer.unchanged": (
        "warning",
        "records 'no change' far more than the others; sit in on interviews.",
    ),
    "interviewer.missing": ("warning", "has far more missing answers here than the others; train it again."),
    "interviewer.refusals": ("warning", "is refused far more often than the others; go along on visits."),
}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check under its name. `ValueError` if the name is taken."""

    def register(function: Check) -> Check:
        if name in CHECKS:
            raise ValueError(f"The check {name} exists already.")
        CHECKS[name] = function
        return function

    return register


def run_checks(responses: Responses, codebook: Codebook) -> list[Finding]:
    """What all checks find, gravest first, without the values a person has confirmed."""
    found = [finding for rule in CHECKS.values() for finding in rule(responses, codebook)]
    return sort_findings(f for f in found if not _confirmed(f, responses.okay))


@check("consent")
def answers_without_consent(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """No consent to take part, yet the interview has answers; or sensitive answers without that consent."""
    for form, frame in _interviews(responses):
        held = [variable for variable in codebook.of(form) if variable.name in frame and not variable.repeat]
        needs = [v.name for v in held if v.module not in _BEFORE_CONSENT and v.name not in _CLOSING]
        needs = [name for name in needs if codebook[name].type not in ("calculate", "note")]
        told = frame[needs].notna().any(axis=1)
        yield from _flag(form, frame, ~_is(frame, "con_part", 1) & told, "consent.answers", "con_part")
        secret = frame[[v.name for v in held if v.sensitivity == "sensitive"]].notna().any(axis=1)
        yield from _flag(form, frame, _is(frame, "con_sens", 0) & secret, "consent.sensitive", "con_sens")


@check("window")
def outside_the_window(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """The interview lies before its wave opens or after it closes, in months; or the wave was never open."""
    bounds = responses.frames["issued"][["person_id", "wave", "opens_cm", "closes_cm"]]
    for form, frame in _interviews(responses):
        months = frame[["person_id", "wave", "interview_cm"]].merge(bounds, "left", on=["person_id", "wave"])
        months.index = frame.index
        outside = (months["interview_cm"] < months["opens_cm"]) | (
            months["interview_cm"] > months["closes_cm"]
        )
        yield from _flag(form, frame, outside, "wave.window", "wave")
        yield from _flag(form, frame, months["opens_cm"].isna(), "wave.not_open", "wave")


@check("night")
def at_night(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """The interview began late in the evening or before dawn by the tablet's clock."""
    for form, frame in _interviews(responses):
        hour = _clock(frame, "start").dt.hour
        yield from _flag(form, frame, (hour >= NIGHT[0]) | (hour < NIGHT[1]), "interview.night", "start")


@check("duration")
def too_short_or_long(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """Below a third of the median duration of its form and path, or above three times."""
    for form, frame in _interviews(responses):
        minutes = (_clock(frame, "end") - _clock(frame, "start")).dt.total_seconds() / 60
        path = _is(frame, "con_part", 1)
        middle = minutes.groupby(path).transform("median")
        enough = (minutes.groupby(path).transform("count") >= ENOUGH) & (middle > 0)
        odd = enough & ((minutes < middle / 3) | (minutes > middle * 3))
        yield from _flag(form, frame, odd, "interview.duration", "end")


@check("outlier")
def far_amounts(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """An amount beyond the 99th percentile and far from the median: often a unit error."""
    for form, frame in _interviews(responses):
        for variable in codebook.of(form):
            if variable.name not in frame or not _is_money(variable.unit):
                continue
            amount = _number(frame[variable.name], variable.missing)
            given = amount[amount > 0]
            if len(given) >= ENOUGH:
                odd = (amount > given.quantile(0.99)) & (amount > FAR * given.median())
                yield from _flag(form, frame, odd, "money.outlier", variable.name)


@check("contract")
def pay_above_contract(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """The first pay received is more than three times the contract's."""
    frame = responses.answers[BASELINE]
    contract, first = _amount(frame, "pay_contr", codebook), _amount(frame, "pay_first", codebook)
    yield from _flag(BASELINE, frame, (contract > 0) & (first > 3 * contract), "money.contract", "pay_first")


@check("total")
def costs_against_total(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """The cost items and the total cost differ by more than a fifth of the total."""
    frame = responses.answers[BASELINE]
    total, items = _amount(frame, "rc_total", codebook), _amount(frame, "rc_sum", codebook)
    odd = (total > 0) & (items > 0) & ((items - total).abs() > total / 5)
    yield from _flag(BASELINE, frame, odd, "money.total", "rc_total")


@check("dates")
def order_of_dates(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """Birth < departure < return ≤ first job ≤ interview, as far as the months are known."""
    frame = responses.answers[BASELINE]
    months = {name: _month(frame, name) for name in ("dep", "ret", "job1")}
    born = _amount(frame, "birth_y", codebook).mask(lambda year: year == 9998)
    wrong = {
        "dep_y": months["dep"] <= (born - 1900) * 12 + 12,
        "ret_y": (months["ret"] <= months["dep"]) | (months["ret"] > frame["interview_cm"]),
        "job1_y": (months["job1"] < months["ret"]) | (months["job1"] > frame["interview_cm"]),
    }
    for variable, mask in wrong.items():
        yield from _flag(BASELINE, frame, mask, "dates.order", variable)


@check("calendar")
def calendar_without_gaps(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """Periods join without gap or overlap, end after they begin, and only the last one is still going on."""
    for form in (BASELINE, FOLLOWUP):
        frame = responses.calendars[form]
        if frame.empty:
            continue
        start, end = _number(frame["sp_beg_cm"]), _number(frame["sp_end_cm"])
        known = ~_is(frame, "sp_unk", 1)
        both = known & known.groupby(frame["instance_id"]).shift(fill_value=True)
        before = end.groupby(frame["instance_id"]).shift()
        is_last = ~frame["instance_id"].duplicated(keep="last")
        faults = {
            "calendar.gap": both & ((start - before > 1) | (start < before)),
            "calendar.reversed": known & (end < start),
            "calendar.open": _is(frame, "sp_on", 1) != is_last,
        }
        for code, mask in faults.items():
            for row in frame[mask.fillna(False).astype(bool)].itertuples():
                yield _finding(code, f"{form}/{row.instance_id}/sp_beg_y[{row.position}]")


@check("identity")
def right_person(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """The year of birth given did not fit the one stored: perhaps another person answered."""
    frame = responses.answers[FOLLOWUP]
    yield from _flag(FOLLOWUP, frame, _is(frame, "id_ok", 0), "identity.doubt", "id_ok")


@check("unchanged")
def much_unchanged(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """An interviewer records 'no change' far more often than the others: a preload invites it."""
    frame = responses.answers[FOLLOWUP]
    asked = frame[_is(frame, "con_part", 1)]
    if len(asked):
        unchanged = _is(asked, "di_state", 1)
        yield from _apart(FOLLOWUP, asked["enum_id"], unchanged, "interviewer.unchanged", "di_state")


@check("missing")
def much_missing(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """An interviewer has far more 'do not know' and refused answers at a question than the others."""
    for form, frame in _interviews(responses):
        for variable in codebook.of(form):
            if variable.name in frame and variable.missing:
                given = frame[variable.name].dropna()
                if len(given) >= 2 * ENOUGH:
                    gone = given.astype("string").str.removesuffix(".0").isin(list(variable.missing))
                    who = frame["enum_id"][given.index]
                    yield from _apart(form, who, gone, "interviewer.missing", variable.name)


@check("refusals")
def many_refusals(responses: Responses, codebook: Codebook) -> Iterator[Finding]:
    """An interviewer is refused far more often than the others."""
    frame = responses.answers[ATTEMPT]
    if len(frame):
        refused = frame["att_res"].isin([2110, 2111, 2120, 2130])
        yield from _apart(ATTEMPT, frame["enum_id"], refused, "interviewer.refusals", "att_res")


_BEFORE_CONSENT = ("", "mod_a", "mod_b")
_CLOSING = ("obs_coop", "obs_note", "res_code", "others_pres", "obs_under")


def _finding(code: str, where: str) -> Finding:
    level, message = WORDS[code]
    return Finding(level, code, where, message)


def _flag(form: str, frame: pd.DataFrame, mask: pd.Series, code: str, variable: str) -> Iterator[Finding]:
    """One finding for each row of the mask; an unknown comparison is none."""
    for instance in frame.loc[mask.fillna(False).astype(bool), "instance_id"]:
        yield _finding(code, f"{form}/{instance}/{variable}")


def _apart(form: str, who: pd.Series, hits: pd.Series, code: str, variable: str) -> Iterator[Finding]:
    """One finding for each interviewer whose share of hits lies `MARGIN` above that of all others."""
    for name, own in hits.groupby(who):
        others = hits[who != name]
        if len(own) >= ENOUGH and len(others) >= ENOUGH and own.mean() - others.mean() > MARGIN:
            yield _finding(code, f"{form}/interviewer {name}/{variable}")


def _confirmed(finding: Finding, okay: frozenset[tuple[str, str]]) -> bool:
    _, _, rest = finding.where.partition("/")
    instance, _, variable = rest.partition("/")
    return (instance, variable) in okay


def _interviews(responses: Responses) -> Iterator[tuple[str, pd.DataFrame]]:
    for form in (BASELINE, FOLLOWUP):
        if len(responses.answers[form]):
            yield form, responses.answers[form]


def _is(frame: pd.DataFrame, name: str, code: int) -> pd.Series:
    """Whether the answer is this code; no answer is not."""
    if name not in frame:
        return pd.Series(False, frame.index)
    return frame[name].eq(code).fillna(False).astype(bool)


def _amount(frame: pd.DataFrame, name: str, codebook: Codebook) -> pd.Series:
    if name not in frame:
        return pd.Series(np.nan, frame.index)
    return _number(frame[name], codebook[name].missing if name in codebook else ())


def _number(column: pd.Series, missing: Iterable[str] = ()) -> pd.Series:
    """The column as floats, missing codes and no answer as NaN."""
    values = pd.to_numeric(column, errors="coerce").astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    held = pd.Series(values, column.index)
    return held.mask(held.isin([float(code) for code in missing]))


def _month(frame: pd.DataFrame, name: str) -> pd.Series:
    """Century months of a year and a month column, NaN where either is unknown or absent."""
    if f"{name}_y" not in frame or f"{name}_m" not in frame:
        return pd.Series(np.nan, frame.index)
    year, month = _number(frame[f"{name}_y"], ["9998"]), _number(frame[f"{name}_m"], ["98"])
    return (year - 1900) * 12 + month


def _clock(frame: pd.DataFrame, name: str) -> pd.Series:
    """The wall time the tablet showed, without its zone; NaT where it gave none."""
    text = frame[name].astype("string").str.slice(0, 19) if name in frame else pd.Series(pd.NA, frame.index)
    return pd.to_datetime(text, errors="coerce", format="%Y-%m-%dT%H:%M:%S")


def _is_money(unit: str) -> bool:
    return any(money in unit for money in ("VND", "dong", "JPY", "yen"))
