"""Laying out the windows of a whole panel, and changing them.

1. Windows that have opened stay, marked or not; what comes after begins when they are over. 2. What moved or
was dropped is kept with its dates, reason, person and moment, in a table that only grows. 3. The same anchors
change nothing, in whatever order and however often. 4. A corrected return that leads to another track drops
the waves that this track does not have. 5. Too few working days are a finding. 6. An edited plan moves
nothing until it is adopted. 7. Whatever happens in whatever order: windows never overlap, none opens before
recruitment, due dates are the anchor's, and every earlier window can be told.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import delete, update
from sqlmodel import Session, SQLModel, create_engine, select

from instruments.plan import Blackout, Blackouts, add_months, load_plan
from survey import cases, waves
from survey.cases import Baseline, Facts
from survey.errors import NotAllowed
from survey.models import AdoptedPlan, Case, PlanChange, Planned
from survey.waves import Anchor, Standing

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
PLAN = replace(load_plan(), blackouts=Blackouts())
TET = Blackouts((Blackout(date(2027, 1, 27), date(2027, 2, 16), "Tết 2027", "festival"),))
RECRUITED = date(2026, 1, 10)


def case_of(session: Session, number: int = 1) -> str:
    case_id = f"VN-{number:04d}"
    session.add(Case(case_id=case_id, person_id=f"P{number:05d}"))
    session.flush()
    return case_id


def lay_out(session: Session, returned: date, today: date, **more: object) -> waves.Outcome:
    plan = more.pop("plan", PLAN)
    anchor = Anchor("VN-0001", RECRUITED, returned)
    return waves.lay_out_all(session, plan, [anchor], today=today, now=NOW, **more)


def planned(session: Session, case_id: str = "VN-0001") -> dict[int, Planned]:
    query = select(Planned).where(Planned.case_id == case_id).order_by(Planned.opens)
    return {row.wave: row for row in session.exec(query)}


def test_a_window_that_has_opened_stays_even_if_nobody_marked_it(session):
    case_of(session)
    lay_out(session, date(2025, 12, 1), RECRUITED)
    changes = lay_out(session, date(2025, 11, 1), date(2026, 3, 2)).changes  # wave 1 opens on 15 February
    assert [(one.wave, one.kind) for one in changes] == [(n, "moved") for n in range(2, 9)]
    assert planned(session)[1].opens == date(2026, 2, 15)


def test_an_exit_keeps_a_window_from_counting_as_opened(session):
    case_of(session)
    lay_out(session, date(2025, 12, 1), RECRUITED)
    left = {"VN-0001": date(2026, 2, 1)}
    changes = lay_out(session, date(2025, 11, 1), date(2026, 3, 2), left=left).changes
    assert [one.wave for one in changes] == list(range(1, 9))


def test_what_follows_an_open_window_begins_when_it_is_over(session):
    case_of(session)
    lay_out(session, date(2025, 12, 1), RECRUITED)
    lay_out(session, date(2025, 10, 1), date(2026, 3, 2))
    rows = planned(session)
    assert rows[1].closes == date(2026, 4, 12)
    assert (rows[2].opens, rows[2].due, rows[2].closes) == (
        date(2026, 4, 13),
        date(2026, 4, 1),
        date(2026, 5, 13),
    )
    assert "opens when the wave before is over" in rows[2].why


def test_a_wave_without_room_is_dropped_and_comes_back_with_the_old_anchor(session):
    case_of(session)
    lay_out(session, date(2025, 12, 1), RECRUITED)
    moved = lay_out(session, date(2025, 8, 1), date(2026, 3, 2), why="the passport says August").changes
    (dropped,) = [one for one in moved if one.kind == "dropped"]
    assert (dropped.wave, dropped.after) == (2, None)
    assert dropped.why == "the passport says August; it would be over before the last opened wave is"
    assert 2 not in planned(session)
    lay_out(session, date(2025, 12, 1), date(2026, 3, 3))
    assert planned(session)[2].due == date(2026, 6, 1)


def test_what_was_is_kept_with_reason_person_and_moment(each_engine):
    with Session(each_engine) as session:
        case_of(session)
        lay_out(session, date(2025, 12, 1), RECRUITED)
        before = {wave: (row.opens, row.due, row.closes) for wave, row in planned(session).items()}
        later = NOW + timedelta(days=3)
        waves.lay_out_all(
            session,
            PLAN,
            [Anchor("VN-0001", RECRUITED, date(2025, 11, 1))],
            today=date(2026, 3, 2),
            now=later,
            who="lan",
            why="the passport says November",
        )
        session.commit()
        kept = session.exec(select(PlanChange).order_by(PlanChange.wave)).all()
        assert [row.wave for row in kept] == list(range(2, 9))
        for row in kept:
            assert (row.opens, row.due, row.closes) == before[row.wave]
            assert (row.who, row.why, row.at.replace(tzinfo=UTC)) == (
                "lan",
                "the passport says November",
                later,
            )
            assert row.was == "inflow: returned 2025-12, recruited 2026-01-10"


@pytest.mark.parametrize("table", [PlanChange, AdoptedPlan])
def test_the_history_of_plans_can_only_grow(each_engine, table):
    with Session(each_engine) as session:
        case_of(session)
        waves.adopt(session, PLAN, who="lan", why="first", now=NOW)
        lay_out(session, date(2025, 12, 1), RECRUITED)
        lay_out(session, date(2025, 11, 1), date(2026, 3, 2))
        session.commit()
        for statement in (update(table).values(who="nobody"), delete(table)):
            with pytest.raises(NotAllowed):
                session.execute(statement)
            session.rollback()
        assert session.exec(select(table.who)).first() != "nobody"


def test_the_same_anchors_change_nothing(session):
    case_of(session)
    assert len(lay_out(session, date(2025, 12, 1), RECRUITED).changes) == 9
    for today in (RECRUITED, date(2026, 3, 2), date(2027, 5, 1)):
        assert lay_out(session, date(2025, 12, 1), today) == waves.Outcome()
        waves.move(session, today, Standing({}, {}))


def test_a_whole_panel_is_laid_out_as_each_of_its_people(session):
    people = [case_of(session, number) for number in range(1, 701)]
    anchors = [
        Anchor(
            name,
            RECRUITED + timedelta(days=n % 9),
            add_months(date(2025, 12, 1), -(n % 30)) if n % 7 else None,
        )
        for n, name in enumerate(people)
    ]
    made = waves.lay_out_all(session, PLAN, anchors, today=RECRUITED, now=NOW)
    assert len({change.case_id for change in made.changes}) == 700
    for anchor in anchors[::97]:
        wanted = waves.layout_of(PLAN, anchor).windows
        rows = planned(session, anchor.case_id)
        assert [(w.wave, w.opens, w.due, w.closes) for w in wanted] == [
            (row.wave, row.opens, row.due, row.closes) for row in rows.values()
        ]
    assert waves.lay_out_all(session, PLAN, anchors, today=RECRUITED, now=NOW).changes == ()


def test_another_track_drops_the_waves_that_it_does_not_have(session):
    case_of(session)
    lay_out(session, date(2025, 2, 1), RECRUITED)  # 11 months before: inflow, eight waves to come
    assert list(planned(session))[-1] == 8
    lay_out(session, date(2024, 2, 1), RECRUITED + timedelta(days=1))
    rows = planned(session)
    assert list(rows) == list(range(8))
    assert rows[1].due == date(2026, 7, 10)
    assert [row.wave for row in session.exec(select(PlanChange).where(PlanChange.change == "dropped"))] == [8]


def test_a_return_of_which_nobody_is_followed_drops_what_has_not_opened(session):
    case_of(session)
    lay_out(session, date(2025, 12, 1), RECRUITED)
    changes = lay_out(session, date(2010, 1, 1), date(2026, 3, 2)).changes
    assert {(one.kind, one.why) for one in changes} == {
        ("dropped", "no track of the plan follows a return of that time")
    }
    assert list(planned(session)) == [0, 1]


def test_too_few_working_days_are_a_finding_until_the_window_is_over(session):
    case_of(session)
    plan = replace(PLAN, blackouts=replace(TET, extend_days=0, least_days=40))
    found = lay_out(session, date(2026, 1, 1), RECRUITED, plan=plan).findings
    assert [(one.code, one.where) for one in found] == []
    plan = replace(plan, blackouts=replace(plan.blackouts, least_days=100))
    found = lay_out(session, date(2026, 1, 1), RECRUITED, plan=plan).findings
    assert [(one.code, one.where) for one in found] == [("wave.tight", "case/VN-0001/wave/3")]
    assert lay_out(session, date(2026, 1, 1), date(2027, 4, 1), plan=plan).findings == ()


def test_an_edited_plan_moves_nothing_until_it_is_adopted(session):
    case_of(session)
    told = Baseline("VN-0001", "uuid:1", RECRUITED, date(2026, 1, 1), "NA000001", "0" * 8)
    facts = Facts(baselines=(told,))
    assert cases.settle(session, facts, PLAN, now=NOW, today=RECRUITED) == []
    edited = replace(PLAN, blackouts=TET)
    (finding,) = cases.settle(session, facts, edited, now=NOW, today=RECRUITED)
    assert (finding.code, finding.level) == ("plan.not_adopted", "warning")
    assert planned(session)[3].closes == date(2027, 2, 26)
    assert waves.adopt(session, edited, who="lan", why="Tết was left out", now=NOW)
    assert not waves.adopt(session, edited, who="lan", why="once more", now=NOW)
    found = cases.settle(session, facts, edited, now=NOW, today=RECRUITED)
    assert [one.code for one in found] == ["wave.moved"]
    assert planned(session)[3].closes == date(2027, 3, 19)
    assert [row.why for row in session.exec(select(AdoptedPlan))] == [
        "the first plan of the study",
        "Tết was left out",
    ]


class Field(RuleBasedStateMachine):
    """One case whose anchor, plan and days change in any order, as they would over years."""

    @initialize(returned=st.integers(0, 30), recruited=st.dates(date(2026, 1, 1), date(2026, 12, 31)))
    def recruit(self, returned: int, recruited: date) -> None:
        engine = create_engine("sqlite://")
        SQLModel.metadata.create_all(engine)
        self.session, self.plan = Session(engine), PLAN
        case_of(self.session)
        self.recruited, self.today = recruited, recruited
        self.returned = add_months(recruited, -returned).replace(day=1)
        self.done: dict[tuple[str, int], str] = {("VN-0001", 0): "interviewed"}
        self.left: dict[str, date] = {}
        self.ever: set[tuple[int, date, date]] = set()
        self.opened: dict[int, tuple[date, date, date]] = {}
        self.settle()

    def settle(self) -> None:
        anchor = Anchor("VN-0001", self.recruited, self.returned)
        for expected in (None, ()):  # the second pass finds nothing to do
            made = waves.lay_out_all(
                self.session, self.plan, [anchor], today=self.today, now=NOW, left=self.left
            )
            assert expected is None or made.changes == expected
        waves.move(self.session, self.today, Standing(self.done, self.left))
        self.rows = planned(self.session)

    @rule(days=st.integers(1, 200))
    def wait(self, days: int) -> None:
        self.today += timedelta(days=days)
        self.settle()

    @rule(months=st.integers(-14, 14))
    def correct_the_return(self, months: int) -> None:
        self.returned = min(add_months(self.returned, months), self.recruited.replace(day=1))
        self.settle()

    @rule(spans=st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 45)), max_size=4))
    def adopt_blackouts(self, spans: list[tuple[int, int]]) -> None:
        first = date(2026, 1, 1)
        made = [Blackout(first + timedelta(days=a), first + timedelta(days=a + n), "rest") for a, n in spans]
        self.plan = replace(PLAN, blackouts=Blackouts(tuple(made)))
        self.settle()

    @precondition(lambda self: any(row.state == "open" for row in self.rows.values()))
    @rule()
    def interview(self) -> None:
        number = next(wave for wave, row in self.rows.items() if row.state == "open")
        self.done["VN-0001", number] = "interviewed"
        self.settle()

    @rule()
    def leave_or_be_found_again(self) -> None:
        self.left = {} if self.left else {"VN-0001": self.today}
        self.settle()

    @invariant()
    def windows_are_in_order_after_recruitment(self) -> None:
        later = [row for wave, row in self.rows.items() if wave > 0]
        for before, after in pairwise(later):
            assert before.closes < after.opens
        for row in later:
            assert self.recruited + timedelta(days=PLAN.gap_days) <= row.opens <= row.closes

    @invariant()
    def what_has_not_opened_is_due_by_the_anchor_of_today(self) -> None:
        track = self.plan.tracks[waves.track_of(self.plan, self.returned, self.recruited) or "stock"]
        told = {wave.number: wave for wave in track.waves}
        origin = {"return": self.returned, "baseline": self.recruited}
        for wave, row in self.rows.items():
            if row.state == "planned" and not self.left:
                assert row.due == add_months(origin[told[wave].origin], told[wave].months)

    @invariant()
    def what_has_opened_stays(self) -> None:
        held = {wave: (row.opens, row.due, row.closes) for wave, row in self.rows.items()}
        if self.left:
            return
        for wave, dates in self.opened.items():
            assert held[wave] == dates
        self.opened |= {wave: held[wave] for wave, row in self.rows.items() if row.state != "planned"}

    @invariant()
    def every_earlier_window_can_be_told(self) -> None:
        kept = {(row.wave, row.opens, row.closes) for row in self.session.exec(select(PlanChange))}
        now = {(wave, row.opens, row.closes) for wave, row in self.rows.items()}
        assert self.ever <= kept | now
        self.ever |= now

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close()
            self.session.get_bind().dispose()


TestField = Field.TestCase
TestField.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
