"""A question that was given another name.

1. Old answers stand in the column of the new name, read under the version they were given in; also through
   several versions, and in repeats.
2. They are among the answers asked for by the new name alone.
3. A correction holds by the former name and by the new one; an okay silences checks by the new name.
4. The walk of an old answer goes from its former name to the cells made of it.
5. A name that is still there, that another question took over, or that two questions claim was not renamed.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from instruments.comparability.renames import names_now
from instruments.instrument import Instrument
from instruments.sheets import rows, table
from survey import corrections
from survey.answers import gather, renamed, usable
from survey.models import FormVersion
from survey.trace import walk

FORMERLY = "codebook::formerly"


def call(instrument: Instrument, names: Mapping[str, str]) -> Instrument:
    """The form with these questions under other names, and the former ones told."""
    survey = []
    for row in rows(instrument.sheets["survey"]):
        name = row.get("name", "")
        cells = {column: cell.replace(f"${{{old}}}", f"${{{new}}}") for old, new in names.items()
                 for column, cell in row.items()} if names else row  # fmt: skip
        survey.append(cells | ({"name": names[name], FORMERLY: name} if name in names else {}))
    return Instrument.from_sheets({**instrument.sheets, "survey": table(survey)})


def publish(field, form: str, text: Instrument, days: int) -> None:
    field.forms[form] = text
    field.session.add(
        FormVersion(
            form_id=form,
            version=text.version,
            digest=text.digest,
            sheets=dict(text.sheets),
            published_at=field.now + timedelta(days=days),
        )
    )
    field.session.commit()


@pytest.fixture
def study(field):
    """Three people, interviewed while a question was called inc_suff, enough and plenty."""
    field.sample(3)
    field.first = field.baseline(1, inc_suff=2)
    publish(field, "rm_baseline", call(field.forms["rm_baseline"], {"inc_suff": "enough"}), 1)
    field.second = field.baseline(2, enough=3)
    publish(field, "rm_baseline", call(field.forms["rm_baseline"], {"enough": "plenty"}), 2)
    field.third = field.baseline(3, plenty=4)
    field.settle(date(2026, 4, 9))
    return field


def test_old_answers_stand_under_the_new_name(study):  # 1
    frame = gather(study.session).forms["rm_baseline"].frame
    assert frame.set_index("instance_id")["plenty"].to_dict() == {
        study.first: 2,
        study.second: 3,
        study.third: 4,
    }
    assert not {"inc_suff", "enough"} & set(frame)
    assert renamed(study.session, "rm_baseline") == {"inc_suff": "plenty", "enough": "plenty"}


def test_an_old_answer_is_read_under_its_own_version(study):  # 1
    last = study.forms["rm_baseline"]
    choices = [r for r in rows(last.sheets["choices"]) if (r["list_name"], r["name"]) != ("suff5", "2")]
    other = Instrument.from_sheets({**last.sheets, "choices": table(choices)})
    publish(study, "rm_baseline", other, 3)
    gathered = gather(study.session)
    frame = gathered.forms["rm_baseline"].frame.set_index("instance_id")
    assert frame.loc[study.first, "plenty"] == 2  # no longer offered, but it was
    assert [f for f in gathered.findings if f.code.startswith("value.")] == []


def test_answers_of_a_repeat_follow_too(field):  # 1
    field.sample(2)
    first = field.baseline(1)
    publish(field, "rm_baseline", call(field.forms["rm_baseline"], {"sp_state": "sp_act"}), 1)
    period = {"sp_beg_y": 2026, "sp_beg_m": 1, "sp_act": 5, "sp_place": 1, "sp_on": 1, "sp_beg_cm": 1513}
    second = field.baseline(2, ehc=[period])
    calendar = gather(field.session).forms["rm_baseline"].repeats["ehc"]
    assert dict(zip(calendar["instance_id"], calendar["sp_act"], strict=True)) == {first: 1, second: 5}
    assert "sp_state" not in calendar


def test_few_variables_are_asked_for_by_the_new_name(study):  # 2
    frame = usable(study.session, ["plenty"])["rm_baseline"].frame
    assert sorted(frame["plenty"]) == [2, 3, 4]


@pytest.mark.parametrize("name", ["inc_suff", "plenty"])
def test_a_correction_holds_by_either_name(study, name: str):  # 3
    told = {"who": "lan", "why": "called back", "at": study.now}
    record = corrections.record
    record(study.session, instance_id=study.first, variable=name, old="2", new="5", **told)
    record(study.session, instance_id=study.second, variable="enough", old="3", new="3", **told)
    gathered = gather(study.session)
    frame = gathered.forms["rm_baseline"].frame.set_index("instance_id")
    assert frame.loc[study.first, "plenty"] == 5
    assert gathered.okay == {(study.second, "plenty")}
    assert [f for f in gathered.findings if f.code.startswith("correction.")] == []


def test_the_walk_goes_by_both_names(study, tmp_path):  # 4
    record = corrections.record
    told = {"who": "lan", "why": "called back", "at": study.now}
    record(study.session, instance_id=study.first, variable="plenty", old="2", new="5", **told)
    stages = walk(
        study.session, study.first, "inc_suff", seed=study.seed, releases=tmp_path, reports=tmp_path
    )
    lines = {stage.name: stage.lines for stage in stages}
    assert "called plenty today" in lines["Form text"]
    assert "<inc_suff> 2" in lines["Submission"]
    assert "value 5" in lines["Decoded value, corrections laid over it"]
    assert any("2 to 5" in line for line in lines["Corrections"])


def survey(*questions: tuple[str, str]) -> dict[str, list[list[str]]]:
    return {"survey": table([{"type": "text", "name": n, FORMERLY: f} for n, f in questions])}


@pytest.mark.parametrize(
    ("versions", "now"),
    [
        ([survey(("a", "")), survey(("b", "a"))], {"a": "b"}),
        ([survey(("a", "")), survey(("b", "a")), survey(("c", "b"))], {"a": "c", "b": "c"}),
        ([survey(("a", "")), survey(("c", "b a"))], {"a": "c", "b": "c"}),
        ([survey(("a", "")), survey(("a", ""), ("b", "a"))], {}),
        ([survey(("a", "")), survey(("b", "a"), ("c", "a"))], {}),
        ([survey(("a", "")), survey(("b", "a")), survey(("a", ""), ("b", ""))], {}),
        ([survey(("a", "")), survey(("b", "a")), survey(("c", ""))], {}),
        ([survey(("a", "")), survey(("b", ""))], {}),
    ],
)
def test_which_names_became_which(versions: list, now: dict[str, str]):  # 5
    assert names_now(versions) == now
