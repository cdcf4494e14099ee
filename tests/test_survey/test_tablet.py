"""What the virtual tablet must do.

1. Relevance, constraints (in the chosen language), required answers and choice filters are the engine's.
2. A value must be of the question's type and among the choices shown, which the engine does not check.
3. Repeats hold as many instances as there are answers, none included.
4. Entities: created with a seeded id, updated with the version read from the list.
5. Study time and seeded ids alone: the same inputs give the same bytes, whatever the machine's clock says.
6. A form kept open gives what a fresh one gives, also when its attached files change in between.
7. `pulldata()` answers from the attached file.
"""

from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree
from pyxform.xls2xform import convert

from survey.sandbox.tablet import Filled, Tablet, uuids

WHEN = datetime(2031, 3, 4, 9, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))

EN, VI = "label::English (en)", "label::Tiếng Việt (vi)"


def both(name: str, label: str) -> dict[str, str]:
    return {"name": name, EN: label, VI: f"{label} (vi)"}


VISIT = {
    "survey": [
        {"type": "start", "name": "start"},
        {"type": "end", "name": "end"},
        {"type": "today", "name": "today"},
        {"type": "username", "name": "username"},
        {"type": "select_one yn", "required": "yes"} | both("consent", "Consent?"),
        {"type": "calculate", "name": "con_time", "calculation": "now()", "trigger": "${consent}"},
        {"type": "begin_group", "relevant": "${consent} = 1"} | both("grp", "Group"),
        {"type": "select_one_from_file p.csv", "required": "yes", "choice_filter": "team = 'A'"}
        | both("who", "Who?"),
        {"type": "calculate", "name": "born", "calculation": "instance('p')/root/item[name = ${who}]/born"},
        {"type": "calculate", "name": "town", "calculation": "pulldata('p', 'town', 'name', ${who})"},
        {
            "type": "integer",
            "required": "yes",
            "constraint": ". < 120",
            "constraint_message::English (en)": "Under 120",
            "constraint_message::Tiếng Việt (vi)": "Dưới 120",
        }
        | both("age", "Age"),
        {"type": "select_multiple pets"} | both("pets", "Pets"),
        {"type": "begin_repeat"} | both("job", "Job"),
        {"type": "text", "required": "yes"} | both("title", "Title"),
        {"type": "end_repeat"},
        {"type": "end_group"},
    ],
    "choices": [
        {"list_name": "yn"} | both("1", "Yes"),
        {"list_name": "yn"} | both("0", "No"),
        {"list_name": "pets"} | both("cat", "Cat"),
        {"list_name": "pets"} | both("dog", "Dog"),
    ],
    "settings": [{"form_id": "visit", "version": "1"}],
}

PEOPLE = "name,label,team,born,town\np1,Ana,A,1990,Hue\np2,Binh,B,1985,Vinh\n"


def build(folder: Path, form: dict, media: dict[str, str]) -> tuple[Path, Path]:
    (folder / "media").mkdir(exist_ok=True)
    for name, text in media.items():
        (folder / "media" / name).write_text(text, encoding="utf-8")
    path = folder / "form.xml"
    headers = {
        f"{sheet}_header": [dict.fromkeys(k for row in rows for k in row)] for sheet, rows in form.items()
    }
    path.write_text(convert(form | headers).xform, encoding="utf-8")
    return path, folder / "media"


@pytest.fixture(scope="module")
def tablet() -> Tablet:
    return Tablet()


@pytest.fixture
def visit(tablet: Tablet, tmp_path: Path):
    form, media = build(tmp_path, VISIT, {"p.csv": PEOPLE})

    def fill(answers: dict, language: str = "English (en)", seed: str = "s", by: Tablet = tablet) -> Filled:
        return by.fill(
            form, media, answers, when=WHEN, ids=uuids(seed), language=language, properties={"username": "e1"}
        )

    fill.media = media
    return fill


def values(filled: Filled) -> dict[str, str]:
    root = etree.fromstring(filled.xml.encode())
    return {etree.QName(n).localname: n.text or "" for n in root.iter() if len(n) == 0}


GOOD = {"consent": 1, "who": "p1", "age": 31, "pets": ["cat", "dog"], "job": [{"title": "a"}, {"title": "b"}]}


def test_a_complete_interview_carries_answers_calculations_and_look_ups(visit):
    filled = visit(GOOD)
    got = values(filled)
    assert filled.complete
    assert filled.violations == ()
    assert (got["age"], got["pets"], got["born"], got["town"], got["username"]) == (
        "31",
        "cat dog",
        "1990",
        "Hue",
        "e1",
    )


def test_relevance_leaves_out_what_was_not_asked(visit):
    filled = visit(GOOD | {"consent": 0})
    assert filled.complete
    assert filled.asked == ("/data/consent",)
    assert "age" not in values(filled)


def test_a_refused_answer_is_corrected_and_its_message_is_in_the_language_of_the_interview(visit):
    filled = visit(GOOD | {"age": {"tries": [200, 31]}}, language="Tiếng Việt (vi)")
    assert [(v.path, v.kind, v.message, v.value) for v in filled.violations] == [
        ("/data/grp/age", "constraint", "Dưới 120", "200")
    ]
    assert values(filled)["age"] == "31"


def test_a_missing_required_answer_stops_the_form_from_being_finished(visit):
    filled = visit({k: v for k, v in GOOD.items() if k != "age"})
    assert not filled.complete
    assert filled.refused_at == "/data/grp/age"
    assert [v.kind for v in filled.violations] == ["required"]


@pytest.mark.parametrize(
    ("answers", "path", "kind"),
    [
        ({"age": "thirty"}, "/data/grp/age", "type"),
        ({"consent": 7}, "/data/consent", "choice_not_offered"),
        ({"who": "p2"}, "/data/grp/who", "choice_not_offered"),
        ({"pets": ["cat", "cow"]}, "/data/grp/pets", "choice_not_offered"),
    ],
)
def test_values_of_another_type_or_not_on_the_screen_are_refused(visit, answers, path, kind):
    filled = visit(GOOD | answers)
    assert (path, kind) in [(v.path, v.kind) for v in filled.violations]
    assert values(filled).get(path.rsplit("/", 1)[1], "") == ""


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_repeat_has_as_many_instances_as_answers(visit, count):
    filled = visit(GOOD | {"job": [{"title": f"t{i}"} for i in range(count)]})
    root = etree.fromstring(filled.xml.encode())
    assert [n.findtext("title") for n in root.iter("job")] == [f"t{i}" for i in range(count)]
    assert filled.complete


def test_groups_may_be_written_out(visit):
    assert (
        visit({"consent": 1, "grp": {k: v for k, v in GOOD.items() if k != "consent"}}).xml == visit(GOOD).xml
    )


def test_time_is_study_time_in_the_zone_of_the_study(visit):
    got = values(visit(GOOD))
    assert got["start"] == "2031-03-04T09:30:00.000+07:00"
    assert got["end"] == "2031-03-04T10:00:00.000+07:00"
    assert got["today"] == "2031-03-04"
    assert got["con_time"] == "2031-03-04T09:32:00.000+07:00"


def test_a_time_without_a_zone_is_refused(tablet, tmp_path):
    with pytest.raises(ValueError, match="zone"):
        tablet.fill(tmp_path / "f.xml", tmp_path, {}, when=WHEN.replace(tzinfo=None), ids=uuids("s"))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_id(visit):
    assert visit(GOOD, seed="a").xml == visit(GOOD, seed="a").xml
    assert visit(GOOD, seed="a").instance_id != visit(GOOD, seed="b").instance_id


def test_a_form_kept_open_gives_what_a_fresh_one_gives(visit):
    kept = [visit(GOOD), visit(GOOD | {"consent": 0}), visit(GOOD | {"job": []}), visit(GOOD)]
    fresh = [visit(a, by=Tablet()) for a in (GOOD, GOOD | {"consent": 0}, GOOD | {"job": []}, GOOD)]
    assert [f.xml for f in kept] == [f.xml for f in fresh]


def test_changed_attached_files_are_seen_by_choices_look_ups_and_pulldata(visit):
    visit(GOOD)
    (visit.media / "p.csv").write_text(
        "name,label,team,born,town\np2,Binh,A,1986,Ha Tinh\n", encoding="utf-8"
    )
    later = visit(GOOD | {"who": {"tries": ["p1", "p2"]}})
    assert [(v.kind, v.value) for v in later.violations] == [("choice_not_offered", "p1")]
    assert (values(later)["born"], values(later)["town"]) == ("1986", "Ha Tinh")


ENROL = {
    "survey": [{"type": "text", "name": "nick", "label": "Name", "save_to": "nick"}],
    "settings": [{"form_id": "enrol", "version": "1"}],
    "entities": [{"list_name": "persons", "label": "${nick}"}],
}

UPDATE = {
    "survey": [
        {"type": "select_one_from_file persons.csv", "name": "who", "label": "Who"},
        {"type": "text", "name": "nick", "label": "Name", "save_to": "nick"},
    ],
    "settings": [{"form_id": "update", "version": "1"}],
    "entities": [{"list_name": "persons", "entity_id": "${who}", "label": "${nick}"}],
}


def entity(filled: Filled) -> dict[str, str]:
    return dict(next(etree.fromstring(filled.xml.encode()).iter("{*}entity", "entity")).attrib)


def test_a_new_entity_takes_its_id_from_the_seed(tablet, tmp_path):
    form, media = build(tmp_path, ENROL, {})

    def made(seed: str) -> dict[str, str]:
        return entity(tablet.fill(form, media, {"nick": "An"}, when=WHEN, ids=uuids(seed)))

    first, again, other = made("a"), made("a"), made("b")
    assert first == again
    assert first["create"] == "1"
    assert first["id"] != other["id"]
    assert first["id"] in islice(uuids("a"), 3)


def test_an_update_names_the_version_it_saw(tablet, tmp_path):
    form, media = build(tmp_path, UPDATE, {"persons.csv": "name,label,__version,nick\nu-1,An,4,An\n"})
    seen = entity(tablet.fill(form, media, {"who": "u-1", "nick": "Bo"}, when=WHEN, ids=uuids("a")))
    assert (seen["update"], seen["id"], seen["baseVersion"]) == ("1", "u-1", "4")


def test_an_interview_lasts_as_long_as_said(tablet, tmp_path):
    form, media = build(tmp_path, VISIT, {"p.csv": PEOPLE})
    filled = tablet.fill(form, media, GOOD, when=WHEN, ids=uuids("a"), lasted=timedelta(minutes=42))
    assert values(filled)["end"] == "2031-03-04T10:12:00.000+07:00"
