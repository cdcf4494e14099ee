"""Bad input, through the command line, against a Central over a socket.

Every fault gives one clear line (what, where, how to mend) or findings, the right exit code (0 done,
1 failed, 2 wrong usage or settings, 3 findings at error level), no trace unless --debug, nothing of a person
in the message, and loses nothing.

1. Central is down, refuses the password, ends the session in mid-work. 2. A form does not build. 3. A
submission names an unknown case or form version, or holds a value outside its list. 4. Settings are wrong.
5. The database is not there, newer, or no database. 6. A folder cannot be written. 7. A release was tampered
with. 8. The mapping of an import is wrong.
"""

import json
import re
import shutil
import socket
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

import instruments
from instruments.instrument import Instrument, load
from instruments.xform import build
from survey.models import Contact, FormVersion, Outbox, Run, Submission, SubmissionEvent
from survey.sandbox.central.faults import UNLIMITED

CONTACT = "rm_contact"
FINDING = re.compile(r"^(error|warning|note): .+: .+ \[[a-z_]+\.[a-z0-9_]+\]$")
SHIPPED = Path(instruments.__file__ or "").parent / "forms"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """A Central that does not answer is not asked again."""
    monkeypatch.setenv("SURVEY_CENTRAL_RETRIES", "0")


@pytest.fixture
def names(revived) -> set[str]:
    """Names and phones of everybody in the study."""
    with revived.session() as session:
        rows = session.exec(select(Contact)).all()
        return {
            word
            for row in rows
            for word in (row.name, row.phone1, row.c1_name, row.c1_phone)
            if len(word) > 3
        }


def told_once(said, code: int, *words: str, names: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """One line on stderr that says these words, nothing else, and leaves with this code."""
    assert said.code == code, said.err
    assert len(said.lines) == 1, said.err
    assert said.lines[0].startswith("survey: ")
    assert [word for word in words if word not in said.err] == [], said.err
    assert "unexpected" not in said.err
    assert "Traceback" not in said.err + said.out
    assert [name for name in names if name in said.err + said.out] == []


def told_findings(said, code: int, *words: str, names: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Findings with a place and a cure each, their count, at most one closing line, and this code."""
    assert said.code == code, said.err
    found = [line for line in said.lines if line.startswith(("error", "warning", "note"))]
    assert found
    assert [line for line in found if not FINDING.match(line)] == []
    rest = [line for line in said.lines if line not in found]
    assert re.match(r"\d+ errors?, \d+ warnings?, \d+ notes?$", rest[0])
    assert len(rest) <= 2
    assert [word for word in words if word not in said.err] == [], said.err
    assert "Traceback" not in said.err
    assert [name for name in names if name in said.err + said.out] == []


def a_submission(revived, instance: str, **changes: str) -> str:
    """A contact attempt of the rehearsal under another instance id, with other answers."""
    with revived.session() as session:
        rows = session.exec(select(Submission).where(Submission.form_id == CONTACT)).all()
        xml = next(row.xml for row in rows if "<case_id>" in row.xml and "<att_stage>1<" in row.xml)
    xml = re.sub(r"<instanceID>[^<]*<", f"<instanceID>{instance}<", xml)
    for name, value in changes.items():
        xml, replaced = re.subn(rf"<{name}\s*/>|<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>", xml)
        assert replaced == 1, name
    return xml


# 1


@pytest.mark.parametrize("command", [("sync",), ("publish",), ("publish", "--dry-run")])
def test_a_central_that_is_down(revived, names, monkeypatch, command):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("SURVEY_CENTRAL_URL", f"http://{host}")
    before = revived.count(Submission)
    said = revived.run(*command)
    told_once(said, 1, "Central does not answer", host, "check central.url", names=names)
    assert revived.count(Submission) == before


def test_a_central_that_is_down_fails_the_job_and_says_so(revived, monkeypatch):
    monkeypatch.setenv("SURVEY_CENTRAL_URL", "http://127.0.0.1:9")
    said = revived.run("schedule", "once", "sync")
    told_once(said, 1, "Central does not answer", "127.0.0.1:9")
    with revived.session() as session:
        run = session.exec(select(Run).order_by(Run.id.desc())).first()  # type: ignore[union-attr]
        assert (run.job, run.state) == ("sync", "failed")
        assert "does not answer" in run.error


def test_a_central_that_is_busy_behind_its_server(revived, names):
    revived.central.standin.faults.refuse(status=502, times=UNLIMITED)
    told_once(revived.run("sync"), 1, "Central is not up", "502", "try again", names=names)


@pytest.mark.parametrize("command", [("sync",), ("publish", "--dry-run")])
def test_a_wrong_password(revived, monkeypatch, command):
    monkeypatch.setenv("SURVEY_CENTRAL_PASSWORD", "hunter2-hunter2")
    said = revived.run(*command)
    told_once(said, 1, "does not accept the e-mail or the password", "SURVEY_CENTRAL_PASSWORD")
    assert "hunter2" not in said.err + said.out


def test_no_password(revived, monkeypatch):
    monkeypatch.delenv("SURVEY_CENTRAL_PASSWORD")
    told_once(revived.run("sync"), 1, "there is no password", "set SURVEY_CENTRAL_PASSWORD")


def test_a_session_that_expires_once_in_mid_work_is_opened_again(revived):
    before = revived.count(Submission)
    for number in range(3):
        revived.central.submit(CONTACT, a_submission(revived, f"uuid:expired-{number}"))
    revived.central.standin.faults.expire_session(after=4)
    said = revived.run("sync")
    assert said.code == 0, said.err
    assert revived.count(Submission) == before + 3


def test_a_session_that_expires_again_and_again_is_said_and_loses_nothing(revived, names):
    before = revived.count(Submission)
    for number in range(3):
        revived.central.submit(CONTACT, a_submission(revived, f"uuid:ended-{number}"))
    revived.central.standin.faults.expire_session(after=3, times=UNLIMITED)
    told_once(revived.run("sync"), 1, "Central ends our session at once", "check its clock", names=names)
    revived.central.standin.faults.clear()
    assert revived.run("sync").code == 0
    assert revived.count(Submission) == before + 3


def test_a_push_that_is_broken_off_is_finished_by_the_next(revived):
    revived.run("enumerators", "add", "104", "--label", "Enumerator 104")
    revived.central.standin.faults.refuse(status=503, where="app-users", times=UNLIMITED)
    told_once(revived.run("schedule", "once", "push"), 1, "Central is not up")
    revived.central.standin.faults.clear()
    assert revived.run("schedule", "once", "push").code == 0
    with revived.session() as session:
        rows = session.exec(select(Outbox).where(Outbox.key == "app_user:104:1")).all()
        assert [row.state for row in rows] == ["confirmed"]
    users = [user["displayName"] for user in revived.central.call("GET", "~/app-users")]
    assert users.count("104") == 1


def test_the_trace_shows_with_debug_and_says_the_same_line(revived, monkeypatch):
    monkeypatch.setenv("SURVEY_CENTRAL_URL", "http://127.0.0.1:9")
    plain = revived.run("sync").lines
    debug = revived.command("--debug", "--settings", revived.folder, "sync")
    assert "Traceback" in debug.err
    assert debug.lines[-1] == plain[-1]


# 2


@pytest.fixture
def own_form(revived, monkeypatch):
    """The contact form in the study's own folder, with one text put in place of another."""
    folder = revived.folder / "forms"
    shutil.copytree(SHIPPED, folder)
    monkeypatch.setenv("SURVEY_STUDY_FORMS_FOLDER", "forms")
    monkeypatch.setenv("SURVEY_STUDY_FORMS", json.dumps([CONTACT]))

    def change(sheet: str, old: str, new: str) -> None:
        file = folder / CONTACT / f"{sheet}.csv"
        before = file.read_text(encoding="utf-8")
        assert old in before
        file.write_text(before.replace(old, new, 1), encoding="utf-8")

    return change


BROKEN = [
    ("survey", "${att_res}", "${att_rez}", "survey", "att_rez"),
    ("survey", "select_one att_mode,", "select_one att_moed,", "survey", "att_moed"),
    ("survey", "begin_group,mod_a", "begin_gruop,mod_a", "survey", "end_group"),
    ("survey", "integer,att_no,", "integer,att_mode,", "survey", "att_mode"),
]


@pytest.mark.parametrize(("sheet", "old", "new", "place", "word"), BROKEN)
def test_a_form_that_does_not_build(revived, own_form, sheet, old, new, place, word):
    version = revived.central.call("GET", f"~/forms/{CONTACT}")["version"]
    before = revived.count(FormVersion)
    own_form(sheet, old, new)
    said = revived.run("publish")
    told_findings(said, 3, place, word)
    graves = [line for line in said.lines if line.startswith("error") and word in line]
    assert any(re.search(rf"{CONTACT}: {place} row \d+", line) for line in graves), said.err
    assert said.lines[-1].startswith("survey: a form has faults, nothing was published")
    assert revived.central.call("GET", f"~/forms/{CONTACT}")["version"] == version
    assert revived.count(FormVersion) == before


def test_a_form_that_is_not_there(revived, own_form, monkeypatch):
    monkeypatch.setenv("SURVEY_STUDY_FORMS", '["rm_census"]')
    told_findings(revived.run("publish"), 3, "rm_census")


# 3


def test_a_submission_for_an_unknown_case_is_kept_and_said_until_it_is_mended(revived, names):
    before = revived.count(Submission)
    revived.central.submit(CONTACT, a_submission(revived, "uuid:stranger", case_id="VN-999999"))
    said = revived.run("sync", "--csv")
    told_findings(said, 3, f"{CONTACT}/uuid:stranger", "names no known case", "[case.unknown]", names=names)
    assert "999999" not in said.err
    assert revived.count(Submission) == before + 1
    assert revived.run("release", "build").code == 3
    known = re.search(r"<case_id>([^<]+)<", a_submission(revived, "x"))
    assert known
    words = ("uuid:stranger", "case_id", "VN-999999", known[1], "--who", "lan", "--why", "typing error")
    assert revived.run("correct", *words).code == 0
    assert revived.run("sync").code == 0
    with revived.session() as session:
        raw = session.exec(select(Submission).where(Submission.instance_id == "uuid:stranger")).one()
        assert "<case_id>VN-999999</case_id>" in raw.xml


def test_a_submission_of_a_form_version_published_elsewhere(revived, names):
    """Somebody publishes another text from another computer, and a tablet uses it."""
    form = load(CONTACT)
    settings = form.sheets["settings"]
    number = settings[0].index("version")
    changed = [settings[0], [*settings[1][:number], "2099010101", *settings[1][number + 1 :]]]
    strange = build(Instrument.from_sheets({**form.sheets, "settings": changed}))
    call = revived.central.call
    call(
        "POST",
        f"~/forms/{CONTACT}/draft?ignoreWarnings=true",
        data=strange.xml.encode(),
        headers={"Content-Type": "application/xml"},
    )
    call("POST", f"~/forms/{CONTACT}/draft/publish")
    ours = re.search(r'version="([^"]+)"', a_submission(revived, "x"))
    assert ours
    assert strange.version != ours[1]
    xml = a_submission(revived, "uuid:elsewhere").replace(ours[1], strange.version)
    revived.central.submit(CONTACT, xml)
    before = revived.count(Submission)
    said = revived.run("sync")
    told_findings(said, 3, strange.version, "run `survey publish` there", names=names)
    assert revived.count(Submission) == before + 1
    assert revived.run("sync").code == 3  # as long as it is not mended
    assert revived.count(Submission) == before + 1


OUTSIDE = [("att_res", "7777", "value.outside_list"), ("att_no", "many", "value.type")]


@pytest.mark.parametrize(("name", "value", "code"), OUTSIDE)
def test_a_value_outside_its_list_or_type_is_kept_raw_and_said(revived, names, name, value, code):
    revived.central.submit(CONTACT, a_submission(revived, "uuid:outside", **{name: value}))
    said = revived.run("sync")
    told_findings(said, 3, f"{CONTACT}/uuid:outside/{name}", value, f"[{code}]", names=names)
    with revived.session() as session:
        raw = session.exec(select(Submission).where(Submission.instance_id == "uuid:outside")).one()
        assert f"<{name}>{value}</{name}>" in raw.xml


def test_a_submission_that_is_no_xml_never_gets_past_central(revived):
    before = revived.count(Submission), revived.count(SubmissionEvent)
    with pytest.raises(AssertionError, match="400"):
        revived.central.submit(CONTACT, "<data>")
    assert revived.run("sync").code == 0
    assert (revived.count(Submission), revived.count(SubmissionEvent)) == before


# 4


SETTINGS = [
    ('name = "rehearsal"', 'name = "rehearsal', ["not valid TOML", "line"]),
    ("[log]", "[lgo]", ["unknown setting", "lgo", "did you mean 'log'"]),
    ("\nwaves = ", "\nwawes = ", ["unknown setting", "study.wawes", "did you mean 'waves'", "line"]),
    ("\nwaves = 2", '\nwaves = "two"', ["study.waves", "line", "integer"]),
    ('time_zone = "Asia/Ho_Chi_Minh"', 'time_zone = "Asia/Saigon City"', ["study.time_zone", "no such"]),
    ('url = "http://', 'url = "htp://', ["central.url", "https://"]),
    ("\nproject = ", '\npassword = "s3cret-s3cret"\nproject = ', ["password does not belong", "line"]),
    ('url = "sqlite:///survey.sqlite"', 'url = "postgresql://u:s3cret-s3cret@h/d"', ["password", "line"]),
    ('url = "sqlite:///survey.sqlite"', 'url = "mysql://h/d"', ["database.url", "not supported"]),
    ('sync = "hourly :05"', 'sync = "now and then"', ["now and then", "hourly", "sync"]),
]


@pytest.mark.parametrize(("old", "new", "words"), SETTINGS, ids=lambda value: None)
def test_malformed_settings(revived, monkeypatch, old, new, words):
    monkeypatch.delenv("SURVEY_CENTRAL_URL")
    file = revived.folder / "survey.toml"
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new, 1), encoding="utf-8")
    said = revived.run("schedule", "list")
    told_once(said, 2, *words)
    assert "s3cret" not in said.err


# 5


def test_no_database(revived):
    for file in revived.folder.glob("survey.sqlite*"):
        file.unlink()
    told_once(revived.run("sync"), 1, "there is no database yet", "survey.sqlite", "survey db upgrade")
    assert not (revived.folder / "survey.sqlite").exists()


def test_a_newer_database(revived):
    with revived.session() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
        session.commit()
    for command in (("sync",), ("release", "build"), ("schedule", "list")):
        said = revived.run(*command)
        told_once(said, 1, "9999", "survey.sqlite")
    said = revived.run("db", "upgrade")
    told_once(said, 1, "9999", "survey.sqlite")


def test_a_file_that_is_no_database(revived):
    (revived.folder / "survey.sqlite").write_bytes(b"Nguyen Thi Hoa 0912345678 " * 100)
    said = revived.run("sync")
    told_once(said, 1, "the database does not open", "survey.sqlite")
    assert "Hoa" not in said.err


# 6


def test_a_folder_of_releases_that_cannot_be_written(revived):
    shutil.rmtree(revived.folder / "releases")
    (revived.folder / "releases").write_text("in the way")
    told_once(revived.run("release", "build"), 1, str(revived.folder / "releases"))
    with revived.session() as session:
        run = session.exec(select(Run).order_by(Run.id.desc())).first()  # type: ignore[union-attr]
        assert (run.job, run.state) == ("release", "failed")


def test_a_place_for_a_report_that_cannot_be_written(revived, tmp_path):
    (tmp_path / "file").touch()
    told_once(revived.run("report", "build", "--out", tmp_path / "file"), 1, str(tmp_path / "file"))


def test_a_new_study_in_a_folder_that_cannot_be_written(revived, tmp_path):
    (tmp_path / "file").touch()
    told_once(revived.command("init", tmp_path / "file" / "study"), 1, str(tmp_path / "file" / "study"))


# 7


def a_release(revived) -> Path:
    return revived.folder / "releases" / next((revived.folder / "reports").iterdir()).name


@pytest.mark.parametrize("command", [("report", "build"), ("trace", "instance", "wave")])
def test_a_release_that_was_tampered_with(revived, command):
    file = a_release(revived) / "persons.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with revived.session() as session:
        instance = session.exec(select(Submission.instance_id)).first()
    words = [instance if word == "instance" else word for word in command]
    told_once(revived.run(*words), 1, "persons.parquet", "was changed", "restore")


def test_a_release_that_lacks_a_file(revived):
    (a_release(revived) / "spells.parquet").unlink()
    told_once(revived.run("report", "build"), 1, "spells.parquet is missing", "fetch")


def test_a_folder_that_is_no_release(revived, tmp_path):
    told_once(revived.run("report", "build", "--from", tmp_path), 1, "manifest", tmp_path.name)


def test_a_manifest_that_is_no_manifest(revived):
    (a_release(revived) / "manifest.json").write_text("{")
    told_once(revived.run("report", "build"), 1, "manifest.json")


# 8


MAPPINGS = [
    ("frame = ", "fame = ", ["map.toml lacks 'frame'", "hoang2020.toml"]),
    ("[columns]", "[columns", ["map.toml is not TOML"]),
    ('column = "resp_no"', 'column = "respondent"', ["person_id", "no column 'respondent'", "mend"]),
    ('titles = "hoang2020_jobs.csv"', 'titles = "jobs.csv"', ["jobs.csv"]),
    ("employed = {", "emplyed = {", ["emplyed", "not in the codebook"]),
    ('title = "jp_sector"', 'title = "sector"', ["sector"]),
    ('sex = { column = "sex", codes', 'full_name = { column = "sex", codes', ["full_name", "identifying"]),
]


@pytest.mark.parametrize(("old", "new", "words"), MAPPINGS, ids=lambda value: None)
def test_a_mapping_that_is_wrong(revived, tmp_path, old, new, words):
    mappings = Path(instruments.__file__ or "").parents[1] / "analysis" / "mappings"
    table = mappings.parent / "data" / "hoang2020" / "table1.csv"
    shutil.copytree(mappings, tmp_path / "mappings")
    before = (mappings / "hoang2020.toml").read_text(encoding="utf-8")
    assert old in before
    mapping = tmp_path / "mappings" / "map.toml"
    mapping.write_text(before.replace(old, new, 1), encoding="utf-8")
    out = tmp_path / "out"
    told_once(revived.command("import-frame", table, "--map", mapping, "--out", out), 1, *words)
    assert not out.exists()


def test_a_table_that_is_not_utf8(revived, tmp_path):
    mapping = Path(instruments.__file__ or "").parents[1] / "analysis" / "mappings" / "hoang2020.toml"
    table = tmp_path / "table.csv"
    table.write_bytes("resp_no,sex\n1,Nữ\n".encode("utf-16"))
    said = revived.command("import-frame", table, "--map", mapping, "--out", tmp_path / "out")
    told_once(said, 1, "table.csv", "UTF-8")


def test_a_sample_list_that_is_not_utf8(revived, tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_bytes("case_id,name\nVN-1,Lü\n".encode("latin-1"))
    told_once(revived.run("cases", "import", sample), 1, "sample.csv", "UTF-8")
