"""The gate that keeps a panel comparable, at publishing and at the command line.

1. A change that breaks comparability with the version published last is refused before anything is sent;
   the finding says what to write.
2. A crosswalk row covers it, unless it is older than that version.
3. What does not break is published.
4. Answers go on decoding under the version they were given in.
5. `survey instrument diff` compares forms, folders, files and published versions; exit code 3 while something
   is not covered.
"""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from instruments.comparability import crosswalk
from instruments.decode import decode
from instruments.instrument import Instrument, load
from instruments.sheets import write_folder, write_xlsx
from survey import cli, store
from survey.central import Central
from survey.commands.init import start_study
from survey.errors import FormRefused
from survey.models import FormVersion
from survey.publish import last_version, publish_forms

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
CHOICES = [
    ["list_name", "name", "label::English (en)"],
    ["act", "1", "Works"],
    ["act", "2", "Looks for work"],
]


def write(folder: Path, *codes: list[str], unit: str = "million VND", label: str = "Income") -> Path:
    """A form `core` that lint finds no fault with, with these choices."""
    survey = [
        ["type", "name", "label::English (en)", "codebook::sensitivity", "codebook::unit"],
        ["text", "case_id", "Case", "identifying", ""],
        ["select_one act", "act", "What do you do?", "", ""],
        ["decimal", "inc", label, "", unit],
    ]
    settings = [
        ["form_title", "form_id", "version", "default_language"],
        ["Core", "core", "1", "English (en)"],
    ]
    choices = [CHOICES[0], *(["act", *code] for code in codes)] if codes else CHOICES
    write_folder({"survey": survey, "choices": choices, "settings": settings}, folder / "core")
    return folder


@pytest.fixture
def there(central_at) -> Iterator[Central]:
    with Central(central_at.settings, backoff=0) as connection:
        yield connection


def bring(session: Session, there: Central, folder: Path, now: datetime = NOW, **options):
    return publish_forms(
        session, there, ["core"], folder=folder, files={}, entity_lists={}, now=now,
        judge=lambda built: [], **options,
    )  # fmt: skip


RECODED = (["1", "Looks for work"], ["2", "Works"])


def rule(folder: Path, *rows: str) -> None:
    text = "\n".join(["variable,kind,reason,author,date", *rows]) + "\n"
    crosswalk.path_of("core", folder).write_text(text, encoding="utf-8")


def test_a_recoded_answer_is_refused_before_anything_is_sent(
    session: Session, there: Central, tmp_path: Path
):
    bring(session, there, write(tmp_path))
    write(tmp_path, *RECODED)
    with pytest.raises(FormRefused, match="nothing was published") as caught:
        bring(session, there, tmp_path, LATER)
    assert [(f.code, f.where) for f in caught.value.findings] == [("comparability.broken", "core: [act]")] * 2
    assert "core.crosswalk.csv: [act],recoded,REASON,AUTHOR,DATE" in caught.value.findings[0].message
    with pytest.raises(FormRefused):
        bring(session, there, tmp_path, LATER, dry_run=True)
    assert len(session.exec(select(FormVersion)).all()) == 1


def test_a_crosswalk_lets_it_pass_and_both_versions_are_kept(
    session: Session, there: Central, tmp_path: Path
):
    bring(session, there, write(tmp_path))
    write(tmp_path, *RECODED)
    rule(tmp_path, "[act],recoded,pilot only,An,2026-03-20")
    outcome = bring(session, there, tmp_path, LATER)
    assert [(a.kind, a.target) for a in outcome.actions] == [("publish", "core")]
    versions = session.exec(select(FormVersion).order_by(FormVersion.id)).all()  # type: ignore[arg-type]
    assert len(versions) == 2
    assert last_version(session, "core").version == versions[1].version  # type: ignore[union-attr]


def test_a_ruling_older_than_the_last_version_does_not_cover(
    session: Session, there: Central, tmp_path: Path
):
    bring(session, there, write(tmp_path))
    write(tmp_path, *RECODED)
    rule(tmp_path, "[act],recoded,last year,An,2026-03-01")
    with pytest.raises(FormRefused):
        bring(session, there, tmp_path, LATER)


def test_a_row_that_cannot_be_read_stops_publishing_too(session: Session, there: Central, tmp_path: Path):
    bring(session, there, write(tmp_path))
    write(tmp_path, ["1", "Works"], ["2", "Looks for work"], ["3", "Studies"])
    rule(tmp_path, "[act],recoded,,An,2026-03-20")
    with pytest.raises(FormRefused) as caught:
        bring(session, there, tmp_path, LATER)
    assert [f.code for f in caught.value.findings] == ["crosswalk.row"]


def test_what_does_not_break_is_published(session: Session, there: Central, tmp_path: Path):
    bring(session, there, write(tmp_path))
    write(tmp_path, ["1", "Works"], ["2", "Looks for work"], ["3", "Studies"])
    assert [a.kind for a in bring(session, there, tmp_path, LATER).actions] == ["publish"]


def test_an_answer_keeps_the_meaning_of_the_version_it_was_given_in(session, there, tmp_path: Path):
    bring(session, there, write(tmp_path))
    first = last_version(session, "core")
    write(tmp_path, *RECODED, unit="yen")
    rule(tmp_path, "[act],recoded,pilot,An,2026-03-20", "inc,unit,abroad,An,2026-03-20")
    bring(session, there, tmp_path, LATER)
    last = last_version(session, "core")
    assert first is not None
    assert last is not None
    told = {}
    for row in (first, last_version(session, "core", first.version), last):
        text = Instrument.from_sheets(row.sheets)  # type: ignore[union-attr]
        answer = f'<data id="core" version="{text.version}"><act>1</act><inc>7.5</inc></data>'
        found = decode([("uuid:1", answer)], text)
        assert found.findings == []
        variables = {variable.name: variable for variable in text.variables}
        code = str(found.frames[""]["act"].iloc[0])
        words = {choice.name: choice.label["en"] for choice in variables["act"].choices}
        told[row.version] = words[code], variables["inc"].unit  # type: ignore[union-attr]
    assert told == {first.version: ("Works", "million VND"), last.version: ("Looks for work", "yen")}


# 5


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study whose form `core` was published once and has other codes now."""
    file = start_study(tmp_path / "study", {"study": {"forms_folder": "forms", "forms": ["core"]}})
    text = load("core", write(file.parent / "forms"))
    engine = store.connect("sqlite:///survey.sqlite", file.parent)
    with Session(engine) as session:
        session.add(
            FormVersion(
                form_id="core",
                version=text.version,
                digest=text.digest,
                sheets=dict(text.sheets),
                published_at=NOW,
            )
        )
        session.commit()
    engine.dispose()
    write(file.parent / "forms", *RECODED)
    monkeypatch.chdir(file.parent)
    return file.parent


def run(*arguments: object) -> int:
    return cli.run(["instrument", *(str(a) for a in arguments)], clock=lambda: LATER)


def test_a_form_is_compared_with_what_was_published(study: Path, capfd):
    assert run("diff", "published:core", "core", "--json") == 3
    out, err = capfd.readouterr()
    assert [(row["change"], row["variable"], row["comparability"]) for row in json.loads(out)] == [
        ("recoded", "[act]", "breaks")
    ] * 2
    assert "2 changes, 2 break comparability, 0 of them covered" in err
    version = load("core", write(study / "old")).version
    assert run("diff", f"published:core@{version}", "core", "--json") == 3
    assert run("diff", f"published:core@{version}", "published:core") == 0


def test_the_rows_it_prints_cover_what_it_found(study: Path, capfd):
    assert run("diff", "published:core", "core", "--crosswalk") == 3
    text = capfd.readouterr().out
    assert text.splitlines()[0] == ",".join(crosswalk.COLUMNS)
    rows = list(csv.DictReader(io.StringIO(text)))
    rule(study / "forms", *(f"{row['variable']},{row['kind']},pilot,An,{row['date']}" for row in rows))
    assert run("diff", "published:core", "core") == 0
    out, err = capfd.readouterr()
    assert out.count("covered") == 2
    assert "2 of them covered" in err


def test_folders_and_files_are_compared_without_a_study(tmp_path: Path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    old, new = write(tmp_path / "a"), write(tmp_path / "b", unit="yen", label="Your income")
    (tmp_path / "new.xlsx").write_bytes(write_xlsx(dict(load("core", new).sheets)))
    assert run("diff", old / "core", "new.xlsx", "--csv") == 3
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert [(row["change"], row["variable"]) for row in rows] == [("unit", "inc"), ("reworded", "inc")]
    assert run("diff", old / "core", old / "core", "--csv") == 0
    rule(new, "inc,unit,abroad,An,2026-03-20")
    assert run("diff", old / "core", new / "core", "--breaking", "--csv") == 3
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert [row["comparability"] for row in rows] == ["covered", "breaks"]


def test_what_was_never_published_is_one_line(study: Path, capfd):
    assert run("diff", "published:other", "core") == 1
    assert "other was never published from here" in capfd.readouterr().err
