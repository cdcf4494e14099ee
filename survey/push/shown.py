"""Shown: what each tablet downloads, compared with what its enumerator should hold.

Telling Central is not enough: a rule lifted by hand, a value of somebody else, an entity changed by a
tablet that was offline would show people to the wrong person. So after every push each list is downloaded
with every tablet's own key. *Too much* is an alarm at error level. *Too little* and *other values* are
repaired by telling again. What is waiting or was refused is not expected yet. A row that only a form can
have made, of a case that no sync has linked yet, is its maker's own. Each comparison is kept as a row, with
the cases it found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from instruments.findings import Finding
from survey.central import Tablets
from survey.models import AppUserToken, Enumerator, Outbox, TabletCheck
from survey.outbox import LISTS, Told, Write
from survey.push.entities import details_of, visit_data

NAMED = 5  # cases that a finding names; the row keeps all


@dataclass(frozen=True, slots=True)
class Row:
    """An entity as its enumerator should see it."""

    case_id: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """One list of one tablet: how many rows are right, and which cases are wrong in what way."""

    enumerator: str
    entity_list: str
    expected: int = 0
    held: int = 0
    too_much: tuple[str, ...] = ()
    too_little: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    reason: str = ""

    @property
    def wrong(self) -> frozenset[str]:
        """The cases that must be told again."""
        return frozenset((*self.too_much, *self.too_little, *self.other))


@dataclass(frozen=True, slots=True)
class Expected:
    """Who should hold what: rows by list, enumerator and entity; cases by entity; what is on its way."""

    rows: Mapping[str, Mapping[str, Mapping[str, Row]]]
    cases: Mapping[str, str]
    on_the_way: frozenset[str]


def expectation(session: Session, wanted: Iterable[Write]) -> Expected:
    """What the tablets should show once everything that is confirmed has arrived."""
    visits = [write for write in wanted if write.kind in LISTS and write.case_id]
    unsent = session.exec(select(Outbox).where(col(Outbox.state) != "confirmed", col(Outbox.kind).in_(LISTS)))
    on_the_way = frozenset(str(row.payload.get("uuid", "")) for row in unsent)
    traced = [write.subject for write in visits if write.kind == "tracing" and write.payload["assigned"]]
    details = details_of(session, traced)
    rows: dict[str, dict[str, dict[str, Row]]] = {name: {} for name in LISTS}
    known = {}
    for write in visits:
        key, code, case_id = write.payload["uuid"], write.payload["assigned"], write.case_id or ""
        known[key] = case_id
        if code:
            data = visit_data(write.payload) if write.kind == "returnee" else details[case_id](code)
            rows[write.kind].setdefault(code, {})[key] = Row(case_id, data)
    return Expected(rows, known, on_the_way)


def look(
    session: Session, tablets: Tablets, expected: Expected, *, forms: Sequence[str], ruled: bool
) -> list[Compared]:
    """Every list of every tablet that has a key, compared; `ruled` if lists are limited to each one's own."""
    query = select(Enumerator.code, AppUserToken.token).join(
        AppUserToken, col(AppUserToken.app_user_id) == col(Enumerator.app_user_id)
    )
    keys = session.exec(query.where(Enumerator.active).order_by(col(Enumerator.code))).all()
    compared = []
    for code, key in keys:
        got = tablets.holds(key, forms, LISTS)
        for name in LISTS:
            if got is None or name not in got:
                reason = "refused" if got is None else "not shown"
                own = expected.rows[name].get(code, {})
                compared.append(Compared(code, name, expected=len(own), reason=reason))
            else:
                compared.append(compare(code, name, got[name], expected, ruled=ruled))
    return compared


def compare(
    code: str, name: str, got: Sequence[Mapping[str, str]], expected: Expected, *, ruled: bool
) -> Compared:
    """One list as one tablet got it; without a rule only what its form would offer counts as held."""
    own = expected.rows[name].get(code, {})
    held = {row["name"]: row for row in got if ruled or row.get("assigned") == code}
    foreign = [key for key, row in held.items() if key not in own and _is_foreign(key, row, code, expected)]
    missing = [key for key in own if key not in held and key not in expected.on_the_way]
    both = [key for key in own if key in held and key not in expected.on_the_way]
    other = [key for key in both if any(held[key].get(n, "") != v for n, v in own[key].data.items())]
    return Compared(
        code,
        name,
        expected=len(own),
        held=len(held),
        too_much=tuple(sorted(expected.cases.get(key, key) for key in foreign)),
        too_little=tuple(sorted(own[key].case_id for key in missing)),
        other=tuple(sorted(own[key].case_id for key in other)),
    )


def _is_foreign(key: str, row: Mapping[str, str], code: str, expected: Expected) -> bool:
    """Whether a row should not be on this tablet; one we do not know yet is its maker's."""
    return key in expected.cases or row.get("assigned") != code


def repairs(
    compared: Iterable[Compared], wanted: Iterable[Write], told: Mapping[tuple[str, str], Told]
) -> list[tuple[int, Write]]:
    """What must be told again, with its next place in the series: wrong cases, their tablets' access."""
    cases, codes, lists = set(), set(), set()
    for one in compared:
        if one.wrong:
            cases |= {(one.entity_list, case_id) for case_id in one.wrong}
            codes.add(one.enumerator)
            lists.add(one.entity_list)
    subjects = cases | {("value", code) for code in codes} | {("access", name) for name in lists}
    chosen = [write for write in wanted if (write.kind, write.subject) in subjects]
    return [
        (told[write.kind, write.subject].number + 1, write)
        for write in chosen
        if (write.kind, write.subject) in told
    ]


def keep(session: Session, compared: Iterable[Compared], now: datetime, run_id: int | None) -> None:
    """Keep what was compared, one row for each list of each tablet."""
    for one in compared:
        session.add(
            TabletCheck(
                enumerator=one.enumerator,
                entity_list=one.entity_list,
                at=now,
                expected=one.expected,
                held=one.held,
                too_much=list(one.too_much),
                too_little=list(one.too_little),
                other=list(one.other),
                reason=one.reason,
                run_id=run_id,
            )
        )
    session.flush()


def alarms(compared: Iterable[Compared], *, mended: bool = True) -> list[Finding]:
    """An alarm for each tablet that was shown what is not its enumerator's; `mended` if it was told again."""
    found = []
    for one in compared:
        if one.too_much:
            said = "It was told again" if mended else "The next push tells it again"
            message = (
                f"its tablet could download {_named(one.too_much)}, not theirs. {said}; ask when the tablet "
                "last updated its forms, and end its key in Central if it may be in other hands."
            )
            found.append(Finding("error", "tablet.too_much", _where(one), message))
    return found


def shortfalls(compared: Iterable[Compared]) -> list[Finding]:
    """What is still not as it should be after it was told again, and tablets that could not be looked at."""
    found = []
    for one in compared:
        lacking = (*one.too_little, *one.other)
        if lacking:
            message = (
                f"its tablet cannot download {_named(lacking)} as planned, also after telling it again; look "
                "at the entities and at the access rule of the list in Central."
            )
            found.append(Finding("error", "tablet.too_little", _where(one), message))
        if one.reason == "refused":
            message = "Central refuses its key; if that was not meant, give the tablet a new one."
            found.append(Finding("warning", "tablet.refused", _where(one), message))
        elif one.reason and one.expected:
            message = "no form that this tablet may use shows the list; look at its forms in Central."
            found.append(Finding("warning", "tablet.not_shown", _where(one), message))
    return found


def differing(compared: Iterable[Compared]) -> list[Finding]:
    """What is not as it should be before anything was told again, for whoever only looks."""
    found = []
    for one in compared:
        if lacking := (*one.too_little, *one.other):
            message = (
                f"its tablet cannot download {_named(lacking)} as planned; the next push tells it again."
            )
            found.append(Finding("warning", "tablet.differs", _where(one), message))
    return found


def repaired(before: Iterable[Compared], after: Iterable[Compared]) -> list[Finding]:
    """What was missing on a tablet and is there since it was told again."""
    still = {(one.enumerator, one.entity_list): one for one in after}
    found = []
    for one in before:
        lacking = (*one.too_little, *one.other)
        then = still.get((one.enumerator, one.entity_list))
        if lacking and then is not None and not (then.too_little or then.other):
            message = f"its tablet lacked {_named(lacking)} as planned; it was told again and stands now."
            found.append(Finding("warning", "tablet.repaired", _where(one), message))
    return found


def _where(one: Compared) -> str:
    return f"tablet/{one.enumerator}/{one.entity_list}"


def _named(cases: Sequence[str]) -> str:
    """How many cases, and which the first are."""
    more = f" and {len(cases) - NAMED} more" if len(cases) > NAMED else ""
    return f"{len(cases)} case{'s' if len(cases) > 1 else ''} ({', '.join(sorted(cases)[:NAMED])}{more})"


def last_checks(session: Session) -> list[TabletCheck]:
    """The newest comparison of each list of each tablet, by enumerator."""
    newest: dict[tuple[str, str], TabletCheck] = {}
    for row in session.exec(select(TabletCheck).order_by(col(TabletCheck.id))):
        newest[row.enumerator, row.entity_list] = row
    return [newest[key] for key in sorted(newest)]
