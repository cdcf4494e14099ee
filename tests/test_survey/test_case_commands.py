"""The commands over people in the field: cases, households, recruits, enumerators.

1. A dry run says what would happen and changes nothing, of every command that has one. 2. A corrected list
shows before and after, but for names and phones. 3. `cases show` answers where a wave is, who has it and what
happens next, before, during and after a hand-over. 4. Late work is listed and ruled on by a named person
only. 5. Exit codes: 1 for what is not there, 2 for wrong usage, 3 for findings at error level. 6. A name or a
phone comes out in the file of `export --contacts` and nowhere else.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, func, select

from survey import cases, cli, store
from survey.commands.init import start_study
from survey.facts import facts
from survey.models import Assignment, CaseChange, Coupon, HandoverStep

NOW = datetime(2026, 4, 28, 8, 30, tzinfo=UTC)
SAMPLE = "Mã số;Họ tên;SĐT;PSU;Về\nVN-0001;Lê Văn Tám;0912000111;NA-1;2026-01\n"
MAP = """\
[columns]
case_id = "Mã số"
name = "Họ tên"
phone = "SĐT"
psu_code = "PSU"
returned = "Về"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The settings file of a study without cases."""
    return start_study(tmp_path / "study", {})


@pytest.fixture
def fieldwork(study: Path, open_field) -> Path:
    """The same with a panel member in wave 1, with E1."""
    with opened(study) as session:
        field = open_field(session)
        field.sample(2)
        field.baseline(1)
        field.settle(date(2026, 4, 9))
    return study


@contextmanager
def opened(study: Path) -> Iterator[Session]:
    """A session on a study's database, closed with its engine."""
    engine = store.connect("sqlite:///survey.sqlite", study.parent)
    with Session(engine) as session:
        yield session
    engine.dispose()


def run(study: Path, *arguments: object, now: datetime = NOW) -> int:
    return cli.run(["--settings", str(study), *(str(a) for a in arguments)], clock=lambda: now)


def count(study: Path, table: type) -> int:
    with opened(study) as session:
        return session.exec(select(func.count()).select_from(table)).one()


def settle(study: Path, open_field, now: datetime = NOW) -> None:
    with opened(study) as session:
        field = open_field(session)
        cases.settle(session, facts(session), field.plan, now=now, today=date(2026, 4, 28))
        session.commit()


def test_a_list_with_its_mapping_comes_in_and_a_corrected_one_shows_before_and_after(study, tmp_path, capfd):
    file, mapping = tmp_path / "list.csv", tmp_path / "map.toml"
    file.write_text(SAMPLE, encoding="utf-8-sig")
    mapping.write_text(MAP, encoding="utf-8")
    assert run(study, "cases", "import", file, "--map", mapping, "--dry-run") == 0
    assert "1 new cases would be added" in capfd.readouterr().err
    assert run(study, "cases", "import", file, "--map", mapping) == 0
    better = SAMPLE.replace("NA-1", "NA-2").replace("Tám", "Tâm")
    file.write_text(better, encoding="utf-8-sig")
    capfd.readouterr()
    assert run(study, "cases", "import", file, "--map", mapping, "--dry-run") == 0
    assert count(study, CaseChange) == 0
    assert run(study, "cases", "import", file, "--map", mapping) == 0
    assert count(study, CaseChange) == 2
    told = capfd.readouterr()
    assert "psu_code  NA-1         NA-2" in told.out
    assert "name      (not shown)  (not shown)" in told.out
    assert "0 new cases added, 2 cells put right, 0 known already" in told.err
    assert run(study, "cases", "show", "VN-0001", "--part", "changes", "--json") == 0
    rows = json.loads(capfd.readouterr().out)
    assert (rows[0]["before"], rows[0]["after"], rows[0]["source"]) == ("NA-1", "NA-2", "list.csv, row 2")
    assert not any(word in told.out + told.err + str(rows) for word in ("Tám", "Tâm", "912000111"))


def test_a_list_that_is_no_list_is_one_line(study, tmp_path, capfd):
    (tmp_path / "list.csv").write_bytes("case_id\nVN-ÿ".encode("latin-1"))
    assert run(study, "cases", "import", tmp_path / "list.csv") == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_who_gets_a_case_and_why_is_shown_before_it_is_done(fieldwork, capfd):
    assert run(fieldwork, "enumerators", "add", "E3", "--areas", "NA-0", "--capacity", "5") == 0
    with opened(fieldwork) as session:
        team = {one.code: one for one in session.exec(select(cases.Enumerator))}
        assert (team["E3"].areas, team["E3"].capacity) == ("NA-0", 5)
        team["E1"].active = False
        session.commit()
    before = count(fieldwork, Assignment)
    capfd.readouterr()
    assert run(fieldwork, "cases", "assign", "--dry-run", "--explain", "--json") == 0
    (row,) = json.loads(capfd.readouterr().out)
    assert (row["case_id"], row["wave"], row["enumerator"]) == ("VN-0001", 1, "E3")
    assert row["everybody"] == "E2 0/0/0/1, E3 0/0/0/0"
    assert row["why"].endswith("E1 had it before, not in the team now")
    assert count(fieldwork, Assignment) == before
    assert run(fieldwork, "cases", "assign") == 0
    assert count(fieldwork, Assignment) == before + 1


def test_a_case_changes_hands_and_show_says_at_every_point_what_happens_next(fieldwork, open_field, capfd):
    def following() -> str:
        capfd.readouterr()
        assert run(fieldwork, "cases", "show", "VN-0001") == 0
        return capfd.readouterr().out.splitlines()[-1]

    assert following().startswith("Next: E1 visits or calls until")
    move = ["cases", "hand-over", "VN-0001", "--to", "E2", "--who", "lan", "--why", "on leave"]
    assert run(fieldwork, *move, "--dry-run") == 0
    assert count(fieldwork, HandoverStep) == 0
    assert run(fieldwork, *move) == 0
    assert following().startswith("Next: It waits")
    assert run(fieldwork, "cases", "hand-over", "--from", "E1", "--confirm", "--who", "lan") == 0
    settle(fieldwork, open_field)
    assert following().startswith("Next: E2 visits or calls until")
    assert run(fieldwork, "cases", "show", "VN-0001", "--part", "handovers", "--json") == 0
    steps = json.loads(capfd.readouterr().out)
    assert [(step["state"], step["who"]) for step in steps] == [
        ("frozen", "lan"),
        ("released", "lan"),
        ("moved", "lan"),
    ]


def test_a_successor_against_the_rules_is_a_note_and_a_case_of_another_an_error(fieldwork, capfd):
    settings = fieldwork.read_text(encoding="utf-8").replace('gender = "any"', 'gender = "wish"')
    fieldwork.write_text(settings, encoding="utf-8")
    with opened(fieldwork) as session:
        session.exec(select(cases.Case).where(cases.Case.case_id == "VN-0001")).one().wish = "f"
        session.commit()
    assert run(fieldwork, "cases", "hand-over", "VN-0001", "--to", "E2", "--who", "lan") == 0
    assert "handover.against_rules" in capfd.readouterr().err
    assert run(fieldwork, "cases", "hand-over", "VN-0001", "--to", "E2", "--who", "lan") == 0
    assert "handover.under_way" in capfd.readouterr().err
    assert run(fieldwork, "cases", "hand-over", "VN-0001", "--cancel", "--who", "lan") == 0
    assert run(fieldwork, "cases", "hand-over", "VN-0001", "--to", "E1", "--who", "lan") == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("cases", "show", "VN-9999"), 1),
        (("cases", "show", "VN-0001", "--part", "names"), 2),
        (("cases", "hand-over", "VN-0001", "--to", "E2"), 2),
        (("cases", "hand-over", "--to", "E2", "--who", "lan"), 2),
        (("cases", "hand-over", "VN-0001", "--confirm", "--who", "lan"), 1),
        (("cases", "late", "uuid:none", "--accept", "--who", "lan", "--why", "so"), 1),
        (("cases", "late", "uuid:none", "--accept"), 2),
        (("recruits", "issue"), 2),
        (("recruits", "issue", "VN-9999"), 1),
        (("households", "link", "VN-0001", "VN-0001", "--who", "lan", "--why", "so"), 1),
    ],
)
def test_what_is_not_there_or_not_meant_so_leaves_with_its_code(fieldwork, arguments, code):
    assert run(fieldwork, *arguments) == code


def test_late_work_is_listed_and_ruled_on_by_a_named_person(fieldwork, open_field, capfd):
    act = ["--who", "lan"]
    run(fieldwork, "cases", "hand-over", "VN-0001", "--to", "E2", *act)
    run(fieldwork, "cases", "hand-over", "VN-0001", "--confirm", *act)
    settle(fieldwork, open_field)
    with opened(fieldwork) as session:
        field = open_field(session)
        field._sent += (NOW - field.now) // timedelta(minutes=1) + 60
        sent = field.followup(1, enum_id="E1")
    capfd.readouterr()
    assert run(fieldwork, "cases", "late", "--json") == 0
    told = capfd.readouterr()
    assert [row["instance_id"] for row in json.loads(told.out)] == [sent]
    assert "1 wait for a ruling" in told.err
    assert run(fieldwork, "cases", "late", sent, "--reject", "--who", "minh", "--why", "another person") == 0
    assert run(fieldwork, "cases", "late", "--csv") == 0
    assert capfd.readouterr().out == ""
    assert run(fieldwork, "cases", "late", "--all", "--json") == 0
    assert [row["verdict"] for row in json.loads(capfd.readouterr().out)] == ["rejected"]


def test_households_and_coupons_have_their_commands(fieldwork, capfd):
    said = ["--who", "lan", "--why", "both say so"]
    assert run(fieldwork, "households", "link", "VN-0001", "VN-0002", *said) == 0
    assert run(fieldwork, "households", "list", "--json") == 0
    assert [row["with"] for row in json.loads(capfd.readouterr().out)] == ["VN-0002"]
    assert run(fieldwork, "households", "part", "VN-0001", "VN-0002", *said) == 0
    assert run(fieldwork, "recruits", "issue", "--all", "--dry-run") == 0
    assert count(fieldwork, Coupon) == 0
    assert run(fieldwork, "recruits", "issue", "--all") == 0
    assert run(fieldwork, "recruits", "issue", "--all") == 0
    assert count(fieldwork, Coupon) == 3
    capfd.readouterr()
    assert run(fieldwork, "recruits", "coupons", "--json") == 0
    assert [row["case_id"] for row in json.loads(capfd.readouterr().out)] == ["VN-0001"] * 3
    assert run(fieldwork, "recruits", "list", "--json") == 0
    (seed,) = json.loads(capfd.readouterr().out)
    assert (seed["recruiter"], seed["issued"], seed["returned"]) == ("", 3, 0)


def test_names_come_out_in_the_file_for_the_field_alone(fieldwork, tmp_path, capfd):
    office, paper = tmp_path / "office.csv", tmp_path / "e1.csv"
    assert run(fieldwork, "cases", "export", office) == 0
    assert run(fieldwork, "cases", "export", paper, "--contacts", "--enumerator", "E1") == 0
    assert run(fieldwork, "cases", "show", "VN-0001") == 0
    told = capfd.readouterr()
    assert "keep it safe" in told.err
    assert "Nguyễn Thị 001" in paper.read_text(encoding="utf-8-sig")
    assert "Nguyễn" not in office.read_text(encoding="utf-8-sig") + told.out + told.err
