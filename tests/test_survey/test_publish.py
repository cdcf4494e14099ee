"""Publishing: the plan as a pure function, and the plan applied over a socket.

1. A form goes when its text is another, with new files when only those are, and else not. 2. Who makes an
entity list goes before who reads it; a list nobody makes is ours. 3. Every version is remembered with its
text. 4. A dry run sends nothing. 5. A form with faults stops everything before anything is sent.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from instruments.instrument import Instrument
from instruments.sheets import write_folder
from survey.central import Central
from survey.central.drafts import digest_of
from survey.errors import CentralRejected, FormRefused
from survey.models import FormVersion
from survey.publish import Local, Remote, RemoteForm, plan_publish, publish_forms

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
AREAS = b"name,label\n1,North\n"


def local(form_id: str, number: str = "1", makes: str = "", reads: str = "", media=None) -> Local:
    survey = [["type", "name", "label", "codebook::list"], ["text", "case_id", "Case", ""]]
    survey += [[f"select_one_from_file {reads}.csv", "who", "Who", "entity"]] if reads else []
    sheets = {"survey": survey, "settings": [["form_id", "version"], [form_id, number]]}
    if makes:
        sheets["entities"] = [["list_name", "label"], [makes, "x"]]
    return Local(Instrument.from_sheets(sheets), media or {})


HERE = local("f").instrument.version


def kinds(forms, remote=Remote(), known=(), lists=None):  # noqa: B008 – frozen
    actions = plan_publish(forms, remote, known, lists or {})
    return [(action.kind, action.target) for action in actions]


# 1: text and files


def test_a_form_that_central_has_not_is_published():
    assert kinds([local("f")]) == [("publish", "f")]
    assert kinds([local("f")], Remote({"f": RemoteForm("")})) == [("publish", "f")]


def test_another_text_is_published():
    assert kinds([local("f", "2")], Remote({"f": RemoteForm(HERE)})) == [("publish", "f")]


@pytest.mark.parametrize("there", [HERE, f"{HERE}-2"])
def test_the_same_text_stays(there: str):
    assert kinds([local("f")], Remote({"f": RemoteForm(there)}), {("f", there)}) == []


def test_other_files_alone_are_published():
    form = local("f", media={"areas.csv": AREAS})
    same = Remote({"f": RemoteForm(HERE, files={"areas.csv": digest_of(AREAS)})})
    other = Remote({"f": RemoteForm(HERE, files={"areas.csv": digest_of(b"")})})
    assert kinds([form], same, {("f", HERE)}) == []
    assert kinds([form], other, {("f", HERE)}) == [("files", "f")]


def test_a_version_published_before_is_remembered():
    assert kinds([local("f")], Remote({"f": RemoteForm(f"{HERE}-1")})) == [("remember", "f")]


# 2: entity lists


def test_who_makes_a_list_goes_before_who_reads_it():
    forms = [
        local("contact", reads="returnee"),
        local("followup", makes="returnee", reads="returnee"),
        local("baseline", makes="returnee"),
    ]
    assert kinds(forms) == [("publish", "baseline"), ("publish", "contact"), ("publish", "followup")]


def test_a_list_that_no_form_makes_is_made_first_with_its_properties():
    actions = plan_publish([local("contact", reads="tracing")], Remote(), (), {"tracing": ("phone1",)})
    assert [(a.kind, a.target, a.names) for a in actions] == [
        ("list", "tracing", ("phone1",)),
        ("publish", "contact", ()),
    ]


def test_properties_that_a_list_lacks_are_added_last():
    lists = {"returnee": ("assigned", "status")}
    actions = plan_publish([local("baseline", makes="returnee")], Remote(), (), lists)
    assert [(a.kind, a.target, a.names) for a in actions][-1] == (
        "properties",
        "returnee",
        ("assigned", "status"),
    )
    form = local("baseline", makes="returnee")
    held, properties = RemoteForm(form.instrument.version), frozenset(("assigned", "status", "age"))
    full = Remote({"baseline": held}, {"returnee": properties})
    assert kinds([form], full, {("baseline", held.version)}, lists) == []


# 3 to 5: over a socket


HEADER = [
    "type",
    "name",
    "label::English (en)",
    "save_to",
    "codebook::list",
    "codebook::sensitivity",
    "codebook::unit",
]


def write(folder: Path, name: str, label: str = "Age", reads: str = "", makes: str = "") -> None:
    """A form folder that lint finds no fault with."""
    rows = [
        ["text", "case_id", "Case", "", "", "identifying", ""],
        ["integer", "age", label, "age" if makes else "", "", "", "years"],
    ]
    if reads:
        rows.append([f"select_one_from_file {reads}.csv", "who", "Who", "", "entity", "identifying", ""])
    survey = [HEADER, *rows]
    settings = [["form_title", "form_id", "version", "default_language"], [name, name, "1", "English (en)"]]
    sheets = {"survey": survey, "settings": settings}
    if makes:
        sheets["entities"] = [["list_name", "label"], [makes, "${case_id}"]]
    write_folder(sheets, folder / name)


@pytest.fixture
def forms(tmp_path: Path) -> Path:
    """A baseline that makes returnees and a contact form that reads them and the tracing list."""
    write(tmp_path / "forms", "baseline", makes="returnee")
    write(tmp_path / "forms", "contact", reads="tracing")
    return tmp_path / "forms"


@pytest.fixture
def there(central_at) -> Iterator[Central]:
    with Central(central_at.settings, backoff=0) as connection:
        yield connection


def bring(session: Session, there: Central, folder: Path, **options):
    return publish_forms(
        session,
        there,
        ["contact", "baseline"],
        folder=folder,
        files={},
        entity_lists={"returnee": ("status",), "tracing": ("phone1",)},
        now=NOW,
        judge=lambda built: [],
        **options,
    )


def test_a_dry_run_sends_nothing(session: Session, there: Central, forms: Path):
    outcome = bring(session, there, forms, dry_run=True)
    assert [(row["action"], row["what"]) for row in outcome.rows()] == [
        ("list", "tracing"),
        ("publish", "contact"),
        ("publish", "baseline"),
        ("properties", "returnee"),
    ]
    assert there.forms() == []
    assert there.entity_list("tracing") is None


def test_published_twice_is_published_once_and_remembered(session: Session, there: Central, forms: Path):
    first = bring(session, there, forms)
    assert all(row["outcome"] for row in first.rows())
    assert bring(session, there, forms).actions == ()
    kept = {row.form_id: row for row in session.exec(select(FormVersion))}
    assert set(kept) == {"baseline", "contact"}
    text = Instrument.from_sheets(kept["baseline"].sheets)
    assert (text.version, text.digest) == (kept["baseline"].version, kept["baseline"].digest)
    assert {item["name"] for item in there.entity_list("returnee")["properties"]} == {"age", "status"}  # type: ignore[index]


def test_a_fresh_database_remembers_what_central_has(engine, session, there, forms, central_at):
    bring(session, there, forms)
    session.exec(select(FormVersion)).all()
    for row in session.exec(select(FormVersion)).all():
        session.delete(row)
    session.commit()
    outcome = bring(session, there, forms)
    assert {action.kind for action in outcome.actions} == {"remember"}
    assert len(session.exec(select(FormVersion)).all()) == 2


def test_what_was_broken_off_is_taken_up_by_the_next_run(session, there, forms, central_at):
    central_at.standin.faults.refuse(status=500, where="contact/draft/publish", method="POST")
    with pytest.raises(CentralRejected):
        bring(session, there, forms)
    outcome = bring(session, there, forms)
    assert [
        (row["action"], row["outcome"].split()[0]) for row in outcome.rows() if row["what"] == "contact"
    ] == [("publish", "resumed")]
    assert len(session.exec(select(FormVersion)).all()) == 2


def test_a_form_that_does_not_build_stops_everything(session: Session, there: Central, forms: Path):
    write(forms, "baseline", label="Age ${nobody}")
    with pytest.raises(FormRefused, match="nothing was published") as caught:
        bring(session, there, forms)
    assert [finding.level for finding in caught.value.findings] == ["error"]
    assert there.forms() == []


def test_a_form_that_is_not_there_is_a_finding(session: Session, there: Central, forms: Path):
    with pytest.raises(FormRefused) as caught:
        publish_forms(session, there, ["nope"], folder=forms, files={}, entity_lists={}, now=NOW)
    assert [(f.code, f.where) for f in caught.value.findings] == [("form.unreadable", "nope")]
