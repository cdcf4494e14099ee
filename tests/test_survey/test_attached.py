"""Attached code lists, as the gate of publishing and `survey instrument diff` see them.

1. Publishing keeps the content of each code list, once per content.
2. Another content is compared with the one published last: what breaks is refused, also where the text of the
   form stays as it is; a crosswalk row covers it; a code that is new passes.
3. What was kept cannot be changed or removed.
4. `diff` compares a published version, with the lists of its time, with the form and the lists of here.
"""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from instruments import places
from instruments.comparability import crosswalk
from instruments.instrument import load
from instruments.sheets import write_folder
from survey import attached, cli, store
from survey.central import Central
from survey.commands.init import start_study
from survey.errors import FormRefused, NotAllowed
from survey.models import AttachedList, FormVersion
from survey.publish import publish_forms

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
OLD = "name,label\n01,North\n02,South\n"
RECODED = "name,label\n01,South\n02,North\n"
WIDER = OLD + "03,Middle\n"


def write(folder: Path, label: str = "Where?") -> Path:
    """A form `core` that asks for an area of the attached list areas.csv."""
    survey = [
        ["type", "name", "label::English (en)", "codebook::sensitivity", "codebook::list"],
        ["text", "case_id", "Case", "identifying", ""],
        ["select_one_from_file areas.csv", "area", label, "", "package"],
    ]
    settings = [
        ["form_title", "form_id", "version", "default_language"],
        ["Core", "core", "1", "English (en)"],
    ]
    write_folder({"survey": survey, "settings": settings}, folder / "core")
    return folder


@pytest.fixture
def there(central_at) -> Iterator[Central]:
    with Central(central_at.settings, backoff=0) as connection:
        yield connection


def bring(session: Session, there: Central, folder: Path, areas: str, now: datetime = NOW, **options):
    return publish_forms(
        session, there, ["core"], folder=folder, files={"areas.csv": areas.encode()}, entity_lists={},
        now=now, judge=lambda built: [], **options,
    )  # fmt: skip


def kept(session: Session) -> list[str]:
    return [row.text for row in session.exec(select(AttachedList).order_by(AttachedList.id))]  # type: ignore[arg-type]


def test_each_content_is_kept_once(session: Session, there: Central, tmp_path: Path):  # 1
    write(tmp_path)
    bring(session, there, tmp_path, OLD, dry_run=True)
    assert kept(session) == []
    bring(session, there, tmp_path, OLD)
    bring(session, there, tmp_path, OLD, LATER)
    assert kept(session) == [OLD]
    bring(session, there, tmp_path, WIDER, LATER)
    assert kept(session) == [OLD, WIDER]
    assert attached.held(session, ["areas.csv", "other.csv"]) == {"areas.csv": WIDER.encode()}
    assert attached.held(session, ["areas.csv"], LATER) == {"areas.csv": OLD.encode()}


@pytest.mark.parametrize("label", ["Where?", "Where exactly?"])
def test_a_recoded_file_is_refused(session: Session, there: Central, tmp_path: Path, label: str):  # 2
    bring(session, there, write(tmp_path), OLD)
    write(tmp_path, label)
    path = crosswalk.path_of("core", tmp_path)
    head = "variable,kind,reason,author,date\narea,reworded,same,An,2026-04-01\n"
    path.write_text(head, encoding="utf-8")
    with pytest.raises(FormRefused, match="nothing was published") as caught:
        bring(session, there, tmp_path, RECODED, LATER)
    found = [(f.code, f.where) for f in caught.value.findings]
    assert found == [("comparability.broken", "core: [areas.csv]")] * 2
    assert kept(session) == [OLD]
    path.write_text(head + "[areas.csv],recoded,pilot alone,An,2026-04-01\n", encoding="utf-8")
    bring(session, there, tmp_path, RECODED, LATER)
    assert kept(session) == [OLD, RECODED]


def test_a_wider_file_passes(session: Session, there: Central, tmp_path: Path):  # 2
    bring(session, there, write(tmp_path), OLD)
    outcome = bring(session, there, tmp_path, WIDER, LATER)
    assert [action.kind for action in outcome.actions] == ["files"]


@pytest.mark.parametrize("what", ["UPDATE attached_list SET text = ''", "DELETE FROM attached_list"])
def test_what_was_kept_stays(session: Session, what: str):  # 3
    attached.remember(session, {"areas.csv": OLD.encode()}, now=NOW)
    session.commit()
    with pytest.raises(NotAllowed, match="cannot be changed or deleted"):
        session.connection().exec_driver_sql(what)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study that published two versions of `core`, the list of areas recoded between them."""
    file = start_study(tmp_path / "study", {"study": {"forms_folder": "forms", "forms": ["core"]}})
    folder = file.parent / "forms"
    engine = store.connect("sqlite:///survey.sqlite", file.parent)
    with Session(engine) as session:
        for label, areas, day in (("Where?", OLD, NOW), ("Where", RECODED, LATER)):
            text = load("core", write(folder, label))
            session.add(
                FormVersion(
                    form_id="core",
                    version=text.version,
                    digest=text.digest,
                    sheets=dict(text.sheets),
                    published_at=day,
                )
            )
            attached.remember(session, {"areas.csv": areas.encode()}, now=day)
        session.commit()
    engine.dispose()
    monkeypatch.chdir(file.parent)
    return file.parent


def diff(*arguments: str) -> int:
    return cli.run(["instrument", "diff", *arguments, "--csv"], clock=lambda: LATER)


def told(capfd) -> list[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(capfd.readouterr().out))
    return [(row["change"], row["variable"]) for row in rows]


def test_versions_are_compared_with_the_lists_of_their_time(study: Path, capfd):  # 4
    first = load("core", write(study / "old")).version
    assert diff(f"published:core@{first}", "published:core") == 3
    assert told(capfd) == [("recoded", "[areas.csv]")] * 2
    assert diff("published:core", "published:core") == 0


def test_a_version_is_compared_with_the_lists_of_here(study: Path, capfd, monkeypatch):  # 4
    here = study / "areas.csv"
    here.write_text(RECODED.replace("01,South\n", ""), encoding="utf-8")
    monkeypatch.setattr(places, "list_files", lambda: {"areas.csv": here})
    assert diff("published:core", "core") == 3
    assert told(capfd) == [("list", "[areas.csv]")]
