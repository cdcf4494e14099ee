"""A study that published number 1 of the shipped forms takes number 2 without a wall.

`tests/data/forms` holds baseline and follow-up of number 1 as Central keeps them.

1. Whatever number 2 changes that breaks comparability is covered by the crosswalk beside the shipped form, on
   whatever day the study published number 1; nothing else is covered by it.
2. Each row of those crosswalks is about a change that is there, and gives a reason.
3. Answers given under number 1 go on decoding under it, and stand beside those of number 2.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from instruments.comparability import crosswalk
from instruments.comparability.compare import compare
from instruments.instrument import Instrument, load
from instruments.sheets import read_xlsx
from survey.answers import gather
from survey.models import FormVersion
from survey.publish import Local, broken

FORMS = ("rm_baseline", "rm_followup")
OLD = Path(__file__).parents[1] / "data" / "forms"


@pytest.fixture(scope="module")
def first() -> dict[str, Instrument]:
    """Number 1 of the forms."""
    return {name: Instrument.from_sheets(read_xlsx(OLD / f"{name}.1.xlsx")) for name in FORMS}


def publish(session, text: Instrument, when: datetime) -> None:
    session.add(
        FormVersion(
            form_id=text.form_id,
            version=text.version,
            digest=text.digest,
            sheets=dict(text.sheets),
            published_at=when,
        )
    )
    session.commit()


@pytest.mark.parametrize("when", [datetime(2026, 11, 2, tzinfo=UTC), datetime(2029, 5, 1, tzinfo=UTC)])
@pytest.mark.parametrize("name", FORMS)
def test_number_2_can_be_published_after_number_1(session, first, name: str, when: datetime):  # 1
    assert first[name].version == {"rm_baseline": "1.824fdd19", "rm_followup": "1.2d13ad04"}[name]
    publish(session, first[name], when)
    assert broken(session, Local(load(name)), name, None) == []


def test_what_a_study_changes_itself_is_not_covered(session, first):  # 1
    publish(session, first["rm_followup"], datetime(2029, 5, 1, tzinfo=UTC))
    shipped = load("rm_followup")
    survey = [list(row) for row in shipped.sheets["survey"]]
    at, calculation = survey[0].index("name"), survey[0].index("calculation")
    next(row for row in survey if row[at] == "is_emp")[calculation] = "if(${atw_pay} = 1, 1, 0)"
    own = Instrument.from_sheets({**shipped.sheets, "survey": survey})
    (finding,) = broken(session, Local(own), "rm_followup", None)
    assert (finding.code, finding.where) == ("comparability.broken", "rm_followup: is_emp")


@pytest.mark.parametrize("name", FORMS)
def test_every_ruling_is_about_a_change_that_is_there(first, name: str):  # 2
    rulings, findings = crosswalk.read(crosswalk.path_of(name))
    breaking = [change for change in compare(first[name], load(name)) if change.breaks]
    assert findings == []
    assert breaking
    assert {(r.variable, r.kind, r.before, r.after) for r in rulings} == {
        (c.variable, c.kind, c.before, c.after) for c in breaking
    }
    assert all(len(ruling.reason.split()) > 8 for ruling in rulings)


def test_old_answers_decode_under_number_1(field, first):  # 3
    second = dict(field.forms)
    for name in FORMS:
        publish(field.session, first[name], field.now - timedelta(days=100))
    field.sample(2)
    field.forms |= first
    old = field.baseline(1, net_know=5, net_30d=4, agf_use=2)
    field.settle(field.now.date())
    told = {
        "cur_loc": 4,
        "di_state": 1,
        "inc_own": 9.5,
        "move_y": 2026,
        "move_m": 2,
        "rm_ccy": 1,
        "rm_pay": 20,
    }
    abroad = field.followup(1, **told)
    field.forms |= second
    new = field.baseline(2, net_know=-98, net_30d=-98)
    gathered = gather(field.session)
    assert [f for f in gathered.findings if f.level == "error" or f.code.startswith("value.")] == []
    baseline = gathered.forms["rm_baseline"].frame.set_index("instance_id")
    assert baseline["net_30d"].to_dict() == {old: 4, new: -98}
    assert baseline["form_version"].to_dict() == {
        old: first["rm_baseline"].version,
        new: second["rm_baseline"].version,
    }
    followup = gathered.forms["rm_followup"].frame.set_index("instance_id")
    assert followup.loc[abroad, ["inc_own", "move_y", "rm_pay"]].tolist() == [9.5, 2026, 20]
