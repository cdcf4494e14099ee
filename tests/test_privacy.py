"""Nobody is named where nobody may be: marked names, phones, places and words are sown and looked for.

Every identifying and every free-text question of all three forms is answered with a marked word, everybody's
name and phone on the sample list is known, and then the commands of a study are run with the log at DEBUG, a
Central that refuses writes among them.

1. The words did arrive where they belong: raw submissions, contacts, the tracing list of the tablets.
2. They are in no log, no output of a command, no journal, no outbox, no finding. 3. They are in no cell,
label or file of a release, and neither are keys of the field. 4. They are in no report. 5. Passwords and
tokens are nowhere. 6. What a rehearsal says names nobody.
"""

import html
import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader
from sqlmodel import select

from analysis.dataset import Dataset
from instruments.instrument import Instrument
from survey.app import open_app
from survey.logs import JsonLines
from survey.models import AppUserToken, Case, Contact, Enumerator, FormVersion, Outbox, Run, Submission
from survey.sandbox.central.faults import UNLIMITED

FORMS = ("rm_baseline", "rm_followup", "rm_contact")
MARK = "Kanari"
POINT = "12.345678 109.876543 5 5"
COORDINATES = ("12.345678", "109.876543")
KEYS = ("case_id", "panel_id", "returnee", "psu_code")  # without these an answer has no owner; not resown
SECOND_SPRING = datetime(2027, 2, 15, 1, 0, tzinfo=UTC)  # the third wave is open, so contacts are pushed
PASSWORD = "a long enough password"


@dataclass
class Sown:
    """A study after its commands, what was sown in it, and what they said."""

    folder: Path
    names: set[str]
    keys: set[str]
    tokens: set[str]
    said: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    raw: str = ""
    contacts: str = ""
    tracing: str = ""
    instances: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> set[str]:
        """What names somebody or tells where they live, wherever it stands."""
        return {MARK, *COORDINATES} | self.names

    @property
    def newest(self) -> Path:
        return max((self.folder / "releases").iterdir(), key=lambda path: path.stat().st_mtime_ns)


def marked(xml: str, instrument: Instrument, instance: str) -> str:
    """A submission as an edit of itself in which every identifying and free-text answer is a marked word."""
    for variable in instrument.variables:
        name = variable.name
        if name in KEYS or not (variable.is_identifying or variable.sensitivity == "free_text"):
            continue
        word = POINT if variable.type == "geopoint" else f"{MARK} {name} Thị Hoa"
        leaf = f"<{name}>{word}</{name}>"
        xml, there = re.subn(rf"<{name}\s*/>|<{name}>[^<]*</{name}>", leaf, xml)
        if not there and not variable.repeat:  # it was not asked
            xml = xml.replace("</data>", f"{leaf}</data>")
    old = re.search(r"<(\w*:?)instanceID>([^<]*)<", xml)
    assert old
    prefix = old[1]
    new = f"<{prefix}instanceID>{instance}</{prefix}instanceID>"
    deprecated = f"<{prefix}deprecatedID>{old[2]}</{prefix}deprecatedID>"
    return re.sub(rf"<{prefix}instanceID>[^<]*</{prefix}instanceID>", new + deprecated, xml)


def sow(study: Any) -> dict[str, str]:
    """Edit all submissions of every form in Central; an instance of each form."""
    with study.session() as session:
        rows = session.exec(select(Submission)).all()
        sheets = {(v.form_id, v.version): v.sheets for v in session.exec(select(FormVersion)).all()}
        session.expunge_all()
    instruments = {key: Instrument.from_sheets(sheet) for key, sheet in sheets.items()}
    for form in FORMS:  # the fieldwork is over; whoever mends answers then opens the form again
        study.central.call("PATCH", f"~/forms/{form}", json={"state": "open"})
    interviews = [row for row in rows if row.form_id != "rm_contact"]
    attempts = [row for row in rows if row.form_id == "rm_contact"]
    for number, row in enumerate([*interviews, *attempts[:5]]):
        xml = marked(row.xml, instruments[row.form_id, row.form_version], f"uuid:edit-{number}")
        study.central.edit(row.form_id, row.instance_id, xml)
    stranger = re.sub(r"<case_id>[^<]*<", f"<case_id>{MARK} case<", next(
        row.xml for row in rows if row.form_id == "rm_contact" and "<case_id>" in row.xml
    ))  # fmt: skip
    stranger = re.sub(r"(instanceID>)[^<]*<", rf"\1uuid:{'0' * 8}<", stranger)
    study.central.submit("rm_contact", stranger)
    return {row.form_id: row.instance_id for row in [*interviews, attempts[0]]}


@pytest.fixture(scope="module")
def sown(revive, tmp_path_factory) -> Iterator[Sown]:
    """The rehearsal, sown with marked words, after a day of every command."""
    folder = tmp_path_factory.mktemp("privacy") / "study"
    with revive(folder) as study, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SURVEY_LOG_FILE", "survey.log")
        environment.setenv("SURVEY_LOG_LEVEL", "DEBUG")
        environment.setenv("SURVEY_STUDY_WAVES", "3")
        environment.setenv("SURVEY_CENTRAL_RETRIES", "0")
        with study.session() as session:
            people = session.exec(select(Contact)).all()
            names = {w for row in people for w in (row.name, row.phone1, row.c1_name, row.c1_phone) if w}
            cases = session.exec(select(Case.case_id, Case.panel_id, Case.entity_uuid)).all()
            keys = {key for row in cases for key in row if key}
            keys |= set(session.exec(select(Submission.instance_id)))
            keys |= set(session.exec(select(Enumerator.label)))
            tokens = set(session.exec(select(AppUserToken.token)))
        made = Sown(folder, names, keys, tokens)
        made.instances = sow(study)
        study.clock.set(SECOND_SPRING)
        _work(study, made)
        _look(study, made)
        yield made
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h.formatter, JsonLines)]:
        root.removeHandler(handler)
        handler.close()


def _work(study: Any, made: Sown) -> None:
    """Every command of a study, the talkative way; what each said."""
    sample = made.folder / "sample.csv"
    rows = ["case_id,name,phone", f"VN-900001,{MARK} An,{MARK} 09", f"bad id,{MARK} Ba,1"]
    sample.write_text("\n".join(rows), encoding="utf-8")

    def run(*words: object) -> None:
        said = study.command("--verbose", "--settings", made.folder, *words)
        assert "Traceback" not in said.err, said.err
        command = " ".join(map(str, words))
        made.said[command] = made.said.get(command, "") + said.out + said.err

    run("cases", "import", sample)
    run("sync")
    run("wave", "plan", "--commit", "--why", "a third wave")
    run("schedule", "once", "waves")
    study.central.standin.faults.refuse(status=400, where="/entities/", times=UNLIMITED)
    run("schedule", "once", "push")
    study.central.standin.faults.clear()
    run("schedule", "once", "push")
    for form, place in (("rm_baseline", "full_name"), ("rm_followup", "phone1"), ("rm_contact", "safety")):
        words = ("nobody", f"{MARK} right", "--who", "lan", "--why", "called")
        run("correct", made.instances[form], place, *words)
        run("trace", made.instances[form], place)
    run("trace", made.instances["rm_baseline"], "gps")
    run("release", "build")
    run("report", "build")
    for words in (
        *("status", "status --part findings --json", "schedule list", "cases list", "cases list --due"),
        *("enumerators list", "release list", "db check", "sync --full --json"),
    ):
        run(*words.split())


def _look(study: Any, made: Sown) -> None:
    with study.session() as session:
        for table in (Run, Outbox):
            rows = [row.model_dump(mode="json") for row in session.exec(select(table)).all()]
            made.tables[table.__tablename__] = json.dumps(rows, ensure_ascii=False)
        made.raw = "\n".join(row.xml for row in session.exec(select(Submission)).all())
        made.contacts = "\n".join(str(row.model_dump()) for row in session.exec(select(Contact)).all())
    app = open_app(made.folder)
    with app.central() as central:
        made.tracing = json.dumps(central.entities("tracing"), ensure_ascii=False)


def found(words: Iterable[str], text: str) -> set[str]:
    """Those of the words that stand in the text, blanks and case aside."""
    squeezed = re.sub(r"\s", "", text).casefold()
    return {word for word in words if re.sub(r"\s", "", word).casefold() in squeezed}


# 1


def test_the_words_arrived_where_they_belong(sown):
    assert found({MARK, *COORDINATES}, sown.raw) == {MARK, *COORDINATES}
    assert f"{MARK} phone1 Thị Hoa" in sown.contacts
    assert f"{MARK} phone1 Thị Hoa" in sown.tracing
    assert len(sown.names) > 20
    assert all(word in found(sown.words, " ".join(sown.names) + sown.raw) for word in sown.words)


def test_every_identifying_and_free_text_question_of_every_form_was_sown(sown):
    told = set(re.findall(rf"<(\w+)>{MARK} ", sown.raw))
    assert {"full_name", "alias", "phone1", "zalo", "c1_name", "vill_cur", "comm_cur", "job_title"} <= told
    assert {"new_phone", "new_addr", "safety", "tr_phone1", "pl_name", "obs_note", "deviceid"} <= told
    assert len(told) > 90


# 2


def test_the_log_at_debug_names_nobody(sown):
    text = (sown.folder / "survey.log").read_text(encoding="utf-8")
    events = [json.loads(line) for line in text.splitlines()]
    assert {"survey.sync", "scheduler.runner"} <= {event["logger"] for event in events}
    assert found(sown.words, text) == set()


def test_no_command_names_anybody(sown):
    assert len(sown.said) > 20
    for command, said in sown.said.items():
        assert found(sown.words, said) == set(), command
    assert "names no known case" in sown.said["sync"]
    assert "row 3" in sown.said["cases import " + str(sown.folder / "sample.csv")]
    assert "not shown" in sown.said[f"trace {sown.instances['rm_baseline']} full_name"]


@pytest.mark.parametrize("table", ["run", "outbox"])
def test_the_journal_and_the_outbox_name_nobody(sown, table):
    assert len(sown.tables[table]) > 1000
    assert found(sown.words, sown.tables[table]) == set()


def test_an_error_at_debug_names_nobody(sown, revive, tmp_path):
    with revive(tmp_path / "study") as study:
        study.central.standin.faults.refuse(status=400, times=UNLIMITED, where="Submissions")
        said = study.command("--debug", "--verbose", "--settings", study.folder, "sync")
    assert "Traceback" in said.err
    assert found(sown.words | sown.tokens | {PASSWORD}, said.err + said.out) == set()


# 3


def test_no_cell_of_a_release_names_anybody_or_holds_a_key_of_the_field(sown):
    made = Dataset.read(sown.newest)
    secrets = sown.words | sown.keys
    cells = 0
    for frame in made.frames.values():
        for column in frame:
            texts = {str(cell) for cell in frame[column].dropna()}
            assert found(secrets, "\n".join(texts)) == set(), column
            cells += len(frame)
    assert cells > 3000


def test_no_file_of_a_release_names_anybody(sown):
    files = sorted(sown.newest.iterdir())
    assert {path.suffix for path in files} == {".parquet", ".csv", ".json", ".txt"}
    for path in files:
        if path.suffix == ".parquet":
            schema = pq.read_schema(path)
            text = " ".join([*schema.names, *(v.decode() for v in (schema.metadata or {}).values())])
        else:
            text = path.read_text(encoding="utf-8")
        assert found(sown.words | sown.keys, text) == set(), path.name


# 4


def test_no_report_names_anybody(sown):
    files = sorted((sown.folder / "reports" / sown.newest.name).iterdir())
    assert {path.suffix for path in files} == {".html", ".pdf"}
    for path in files:
        if path.suffix == ".html":
            text = html.unescape(path.read_text(encoding="utf-8"))
        else:
            reader = PdfReader(path)
            text = " ".join(page.extract_text() for page in reader.pages) + str(reader.metadata)
        assert len(text) > 5000
        assert found(sown.words | sown.keys, text) == set(), path.name


# 5


def test_passwords_and_tokens_are_nowhere(sown):
    secrets = sown.tokens | {PASSWORD}
    assert len(sown.tokens) == 3
    texts = {**sown.said, **sown.tables, "log": (sown.folder / "survey.log").read_text(encoding="utf-8")}
    texts["settings"] = (sown.folder / "survey.toml").read_text(encoding="utf-8")
    for path in sorted(sown.newest.glob("*.*")):
        texts[path.name] = path.read_bytes().decode("latin-1")
    assert [name for name, text in texts.items() if found(secrets, text)] == []


# 6


def test_what_a_rehearsal_says_names_nobody(sown, played):
    assert found(sown.words | sown.tokens | sown.keys, "\n".join(played.told)) == set()
