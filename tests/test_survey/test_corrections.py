"""Corrections: recorded once for ever, laid over decoded answers, never into them.

1. A change replaces one value, in a repeat by position. 2. The frames given stay as they are. 3. A change
whose old value is gone is stale and not applied. 4. `okay` (new equals old) confirms. 5. A value that does
not fit its type or list is refused. 6. The ledger needs a known instance, a name and a reason, and cannot be
changed.
"""

from datetime import UTC, datetime

import pandas as pd
import pytest
from sqlmodel import Session, select

from instruments.codebook import Choice, Codebook, Variable
from survey import corrections, store
from survey.corrections import Change, apply, as_text
from survey.errors import NotAllowed
from survey.models import Correction, Submission

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
BOOK = Codebook(
    [
        Variable("inc_own", "f", "decimal"),
        Variable("sex", "f", "select_one", choices=(Choice("1"), Choice("2"))),
        Variable("debt_src", "f", "select_multiple", choices=(Choice("1"), Choice("2"), Choice("96"))),
        Variable("met_on", "f", "date"),
        Variable("sp_state", "f", "integer", repeat="ehc"),
    ]
)


@pytest.fixture
def frames() -> dict[str, pd.DataFrame]:
    return {
        "": pd.DataFrame(
            {
                "instance_id": ["a", "b"],
                "inc_own": pd.array([75.0, None], dtype="Float64"),
                "sex": pd.array([1, 2], dtype="Int64"),
                "debt_src": pd.array(["1 2", None], dtype="str"),
                "met_on": pd.to_datetime(["2026-02-03", "2026-02-04"]).astype("datetime64[s]"),
            }
        ),
        "ehc": pd.DataFrame(
            {
                "instance_id": ["a", "a", "b"],
                "position": [1, 2, 1],
                "sp_state": pd.array([1, 5, 5], dtype="Int64"),
            }
        ),
    }


def applied(frames, *changes):
    return apply(frames, changes, BOOK, "f")


def test_a_change_replaces_one_value_and_nothing_else(frames):
    result = applied(frames, Change("a", "inc_own", "75", "7.5"))
    assert result.frames[""]["inc_own"].tolist() == [7.5, pd.NA]
    assert result.frames[""]["inc_own"].dtype == "Float64"
    assert result.findings == ()
    assert frames[""]["inc_own"][0] == 75.0


def test_in_a_repeat_the_position_says_which_row(frames):
    result = applied(frames, Change("a", "sp_state[2]", "5", "12"))
    assert result.frames["ehc"]["sp_state"].tolist() == [1, 12, 5]


@pytest.mark.parametrize(
    ("variable", "old", "new", "stored"),
    [
        ("sex", "1", "2", 2),
        ("sex", "1", "", pd.NA),
        ("debt_src", "1 2", "1 96", "1 96"),
        ("met_on", "2026-02-03", "2026-02-13", pd.Timestamp("2026-02-13")),
    ],
)
def test_a_new_value_takes_the_type_of_its_variable(frames, variable, old, new, stored):
    value = applied(frames, Change("a", variable, old, new)).frames[""][variable][0]
    assert value is stored or value == stored


def test_an_answer_can_be_put_where_there_was_none(frames):
    assert applied(frames, Change("b", "inc_own", "", "4")).frames[""]["inc_own"][1] == 4.0


def test_later_changes_build_on_earlier_ones(frames):
    result = applied(frames, Change("a", "inc_own", "75", "7"), Change("a", "inc_own", "7", "7.5"))
    assert result.frames[""]["inc_own"][0] == 7.5


def test_a_change_whose_old_value_is_gone_is_stale_and_not_applied(frames):
    result = applied(frames, Change("a", "inc_own", "80", "8"))
    assert result.frames[""]["inc_own"][0] == 75.0
    assert [(f.code, f.where) for f in result.findings] == [("correction.stale", "f/a/inc_own")]


@pytest.mark.parametrize(("variable", "new"), [("sex", "3"), ("inc_own", "much"), ("debt_src", "1 7")])
def test_a_value_that_does_not_fit_is_refused_and_not_shown(frames, variable, new):
    old = as_text(frames[""][variable][0])
    result = applied(frames, Change("a", variable, old, new))
    assert [f.code for f in result.findings] == ["correction.value"]
    assert new not in result.findings[0].message
    assert as_text(result.frames[""][variable][0]) == old


@pytest.mark.parametrize("variable", ["income", "sp_state", "sp_state[9]", "inc_own[1]"])
def test_a_place_that_does_not_exist_is_a_finding(frames, variable):
    assert [f.code for f in applied(frames, Change("a", variable, "", "1")).findings] == [
        "correction.unknown"
    ]


def test_changes_of_other_instances_are_left_alone(frames):
    assert applied(frames, Change("elsewhere", "inc_own", "1", "2")).findings == ()


def test_okay_confirms_a_value_until_it_is_changed_after_all(frames):
    okay = Change("a", "inc_own", "75", "75")
    assert applied(frames, okay).okay == {("a", "inc_own")}
    assert applied(frames, okay, Change("a", "inc_own", "75", "7.5")).okay == frozenset()
    assert applied(frames, Change("a", "inc_own", "70", "70")).okay == frozenset()


def submission(session: Session) -> None:
    row = Submission(
        form_id="f",
        instance_id="a",
        form_version="1",
        xml="<f/>",
        digest="d",
        submitted_at=NOW,
        received_at=NOW,
    )
    store.append(session, [row])


def test_a_recorded_correction_keeps_who_and_why_and_cannot_be_changed(each_engine):
    with Session(each_engine) as session:
        submission(session)
        corrections.record(
            session,
            instance_id="a",
            variable="inc_own",
            old="75",
            new="7.5",
            who="lan",
            why="call back",
            at=NOW,
        )
        session.commit()
        row = session.exec(select(Correction)).one()
        assert (row.who, row.why, row.at) == ("lan", "call back", NOW)
        assert corrections.changes(session) == [Change("a", "inc_own", "75", "7.5")]
        row.new = "9"
        session.add(row)
        with pytest.raises(NotAllowed):
            session.commit()


@pytest.mark.parametrize(
    ("instance", "variable", "who", "error"),
    [
        ("zzz", "inc_own", "lan", LookupError),
        ("a", "Inc Own", "lan", ValueError),
        ("a", "inc_own", " ", ValueError),
    ],
)
def test_a_correction_without_place_or_author_is_refused(session, instance, variable, who, error):
    submission(session)
    with pytest.raises(error):
        corrections.record(
            session, instance_id=instance, variable=variable, old="1", new="2", who=who, why="w", at=NOW
        )
    assert corrections.listing(session) == []
