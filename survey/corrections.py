"""Corrections: human changes to single values, kept beside the raw answers and laid over them on reading.

A correction names an instance and a variable, the value it found and the value it puts there, who did it and
why; raw payloads stay as they are. In a repeat the variable carries its position: `sp_state[2]`. A
correction whose new value equals the old one says *okay*: the value stands and the checks on it fall silent.
Corrections follow one another in the order of their recording; one whose old value is no longer there is
stale, is not applied and becomes a finding. Which instance belongs to whom is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
from sqlmodel import Session, col, select

from instruments.codebook import Codebook, Variable
from instruments.findings import Finding
from survey.models import Correction, Submission

_PLACE = re.compile(r"^(?P<name>[a-z][a-z0-9_]*)(?:\[(?P<position>[1-9][0-9]*)\])?$")


@dataclass(frozen=True, slots=True)
class Change:
    """One correction as plain text values; an empty value means no answer."""

    instance_id: str
    variable: str
    old: str
    new: str

    @property
    def is_okay(self) -> bool:
        """Whether it confirms the value in place of changing it."""
        return self.old == self.new


@dataclass(frozen=True, slots=True)
class Applied:
    """Frames with the corrections laid over them, (instance, variable) confirmed, and what was stale."""

    frames: dict[str, pd.DataFrame]
    okay: frozenset[tuple[str, str]]
    findings: tuple[Finding, ...]


def record(
    session: Session, *, instance_id: str, variable: str, old: str, new: str, who: str, why: str, at: datetime
) -> Correction:
    """Add one correction; `LookupError` for an unknown instance, `ValueError` for a bad place."""
    if _PLACE.match(variable) is None:
        raise ValueError(
            f"{variable!r} names no variable; write inc_own, or sp_state[2] for a row of a repeat."
        )
    if not who.strip() or not why.strip():
        raise ValueError("A correction says who made it and why; give both.")
    known = session.exec(
        select(Submission.id).where(col(Submission.instance_id) == instance_id).limit(1)
    ).first()
    if known is None:
        raise LookupError(
            f"No submission {instance_id} is stored; run survey sync, or check the instance id."
        )
    row = Correction(
        instance_id=instance_id, variable=variable, old=old, new=new, who=who.strip(), why=why.strip(), at=at
    )
    session.add(row)
    session.flush()
    return row


def listing(session: Session, instance_id: str | None = None) -> list[Correction]:
    """The ledger in the order of recording, of one instance or of all."""
    query = select(Correction).order_by(col(Correction.id))
    if instance_id is not None:
        query = query.where(col(Correction.instance_id) == instance_id)
    return list(session.exec(query))


def changes(session: Session) -> list[Change]:
    """The ledger as plain changes, in the order of recording."""
    rows = (row for row in listing(session) if row.redaction_id is None)
    return [Change(row.instance_id, row.variable, row.old, row.new) for row in rows]


def apply(
    frames: Mapping[str, pd.DataFrame], changes: Iterable[Change], codebook: Codebook, form: str
) -> Applied:
    """Lay the changes over the decoded frames of one form; the frames given stay as they are.

    Frames are those of `instruments.decode`: `""` by instance, repeats by instance and position. Changes of
    instances that are not among the frames are left alone.
    """
    mended = {name: frame.copy() for name, frame in frames.items()}
    held = set(mended[""]["instance_id"])
    own = [change for change in changes if change.instance_id in held]
    rows = _places(mended) if own else {}
    okay: set[tuple[str, str]] = set()
    findings: list[Finding] = []
    for change in own:
        trouble = _lay(mended, rows, change, codebook, form)
        if trouble:
            where = f"{form}/{change.instance_id}/{change.variable}"
            findings.append(Finding("warning", trouble, where, _ADVICE[trouble]))
        elif change.is_okay:
            okay.add((change.instance_id, change.variable))
        else:
            okay.discard((change.instance_id, change.variable))
    return Applied(mended, frozenset(okay), tuple(findings))


def under(changes: Iterable[Change], now: Mapping[str, str]) -> list[Change]:
    """The changes by the names an older version has: `now` tells former name → name of today.

    A correction recorded under the name of today holds for an answer given under a former one too.
    """
    former = {name: old for old, name in now.items()}
    named = []
    for change in changes:
        name, bracket, rest = change.variable.partition("[")
        named.append(replace(change, variable=f"{former.get(name, name)}{bracket}{rest}"))
    return named


_ADVICE = {
    "correction.stale": "the value it corrects is no longer there; look at the answer and record a new one.",
    "correction.unknown": "the form version of this answer has no such variable or row; check the name.",
    "correction.value": "the new value does not fit the type or choices of the variable; record another.",
}


def as_text(value: object) -> str:
    """A cell as a correction writes it: whole numbers without a point, ISO dates, empty for none."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


def _places(frames: Mapping[str, pd.DataFrame]) -> dict[tuple[str, int], dict[str, int]]:
    """(instance, position) → frame name → row label; position 0 is the submission itself."""
    rows: dict[tuple[str, int], dict[str, int]] = {}
    for name, frame in frames.items():
        positions = frame["position"] if name else pd.Series(0, index=frame.index)
        for label, instance, position in zip(frame.index, frame["instance_id"], positions, strict=True):
            rows.setdefault((instance, int(position)), {})[name] = label
    return rows


def _lay(
    frames: dict[str, pd.DataFrame],
    rows: Mapping[tuple[str, int], Mapping[str, int]],
    change: Change,
    codebook: Codebook,
    form: str,
) -> str:
    """Apply one change in place; the code of the trouble, or nothing."""
    match = _PLACE.match(change.variable)
    if match is None:
        return "correction.unknown"
    name, position = match["name"], int(match["position"] or 0)
    held = rows.get((change.instance_id, position), {})
    home = next((frame for frame in held if name in frames[frame].columns), None)
    if home is None:
        return "correction.unknown"
    frame, label = frames[home], held[home]
    if as_text(frame.at[label, name]) != change.old:
        return "correction.stale"
    try:
        frame.at[label, name] = _typed(change.new, frame[name], codebook.get(name, form))
    except ValueError:
        return "correction.value"
    return ""


def _typed(text: str, column: pd.Series, variable: Variable | None) -> object:
    """The text as a value of the column; `ValueError` if it is no such value or not among the choices."""
    if text == "":
        return pd.NaT if pd.api.types.is_datetime64_any_dtype(column) else pd.NA
    if variable is not None and variable.choices:
        codes = {choice.name for choice in variable.choices}
        picked = text.split() if variable.type == "select_multiple" else [text]
        if not set(picked) <= codes:
            raise ValueError(text)
    if pd.api.types.is_integer_dtype(column):
        return int(text)
    if pd.api.types.is_float_dtype(column):
        return float(text)
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Timestamp(text)
    return text
