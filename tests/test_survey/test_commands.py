"""The commands over cases, corrections, releases, reports, status and trace, on a study in a folder.

1. What a command prints is what its function returns, as rows on stdout. 2. `--dry-run` changes nothing.
3. Exit codes: 0 done, 1 not there, 2 wrong usage, 3 findings at error level. 4. No name or phone is
printed.
"""

import json
from datetime import UTC, date, datetime
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from sqlmodel import Session

from analysis.dataset import Dataset
from survey import cli, store
from survey.commands.init import start_study

NOW = datetime(2026, 4, 28, 8, 30, tzinfo=UTC)
SAMPLE = (
    "case_id,name,phone,psu_code\nVN-0001,Lê Văn Tám,0912000111,NA-1\nVN-0002,Trần Thị Hoa,0912000222,NA-2\n"
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The settings file of a study without cases."""
    return start_study(tmp_path / "study", {})


@pytest.fixture
def fieldwork(study: Path, open_field) -> Path:
    """The same with two persons interviewed, one of them twice."""
    engine = store.connect("sqlite:///survey.sqlite", study.parent)
    with Session(engine) as session:
        field = open_field(session)
        field.sample(2)
        field.baseline(1)
        field.baseline(2)
        field.settle(date(2026, 4, 9))
        field.followup(1)
        field.settle(date(2026, 4, 28))
    engine.dispose()
    return study


def run(study: Path, *arguments: object) -> int:
    return cli.run(["--settings", str(study), *(str(a) for a in arguments)], clock=lambda: NOW)


def test_a_sample_list_comes_in_and_shows_without_names(study, tmp_path, capfd):
    (tmp_path / "sample.csv").write_text(SAMPLE, encoding="utf-8")
    assert run(study, "cases", "import", tmp_path / "sample.csv", "--dry-run") == 0
    assert run(study, "cases", "list", "--json") == 0
    assert json.loads(capfd.readouterr().out) == []
    assert run(study, "cases", "import", tmp_path / "sample.csv") == 0
    assert run(study, "cases", "import", tmp_path / "sample.csv") == 0
    assert "0 new cases added, 0 cells put right, 2 known already" in capfd.readouterr().err
    assert run(study, "cases", "list", "--json") == 0
    rows = json.loads(capfd.readouterr().out)
    assert [row["case_id"] for row in rows] == ["VN-0001", "VN-0002"]
    assert not any(word in str(rows) for word in ("Tám", "0912"))


def test_a_bad_row_leaves_with_3_and_the_others_come_in(study, tmp_path, capfd):
    (tmp_path / "sample.csv").write_text(SAMPLE + "bad number,Name,1,P\n", encoding="utf-8")
    assert run(study, "cases", "import", tmp_path / "sample.csv") == 3
    err = capfd.readouterr().err
    assert "row 4" in err
    assert "2 new cases" in err


def test_who_is_due_is_listed_with_the_interviewer(fieldwork, capfd):
    assert run(fieldwork, "cases", "list", "--due", "--csv") == 0
    header, row = capfd.readouterr().out.splitlines()
    assert header.startswith("case_id,person_id,")
    assert row.startswith("VN-0002,")
    assert ",1,rm_followup,E2," in row


def test_the_team_is_added_to_and_listed(study, capfd):
    assert run(study, "enumerators", "add", "E07", "--label", "Team 7", "--langs", "vi") == 0
    assert run(study, "enumerators", "list", "--json") == 0
    (row,) = json.loads(capfd.readouterr().out)
    assert (row["code"], row["langs"], row["has login"]) == ("E07", "vi", False)


def test_a_release_is_built_listed_and_reported(fieldwork, capfd):
    assert run(fieldwork, "release", "build", "--dry-run") == 0
    assert not (fieldwork.parent / "releases").exists()
    capfd.readouterr()
    assert run(fieldwork, "release", "build", "--json") == 0
    frames = {row["frame"]: row["rows"] for row in json.loads(capfd.readouterr().out)}
    assert frames["person_waves"] == 4
    assert run(fieldwork, "release", "list", "--json") == 0
    (made,) = json.loads(capfd.readouterr().out)
    dataset = Dataset.read(fieldwork.parent / "releases" / made["release"])
    assert dataset.digest == made["digest"]


def test_a_release_that_leaves_answers_out_says_so_and_leaves_with_3(fieldwork, open_field, capfd):
    engine = store.connect("sqlite:///survey.sqlite", fieldwork.parent)
    with Session(engine) as session:
        open_field(session).baseline(9)
    engine.dispose()
    assert run(fieldwork, "release", "build") == 3
    err = capfd.readouterr().err
    assert "1 submissions are kept and not in it" in err
    assert "case.unknown" in err


def test_a_report_is_made_from_a_release_folder_alone(fieldwork, tmp_path, capfd):
    assert run(fieldwork, "release", "build") == 0
    (folder,) = (fieldwork.parent / "releases").iterdir()
    capfd.readouterr()
    code = cli.run(["report", "build", "--from", str(folder), "--out", str(tmp_path / "made")])
    assert code == 0
    written = [Path(line) for line in capfd.readouterr().out.splitlines()]
    assert [path.name for path in written] == ["panel.en.html", "panel.en.pdf"]
    assert folder.name in written[0].read_text(encoding="utf-8")
    assert written[1].read_bytes().startswith(b"%PDF")


def test_a_report_of_another_name_is_wrong_usage(study, capfd):
    assert run(study, "report", "build", "--name", "weather") == 2
    assert "panel" in capfd.readouterr().err


def test_a_report_without_a_release_says_how_to_make_one(study, capfd):
    assert run(study, "report", "build") == 1
    assert "survey release build" in capfd.readouterr().err


def test_the_status_shows_waves_team_and_facts(fieldwork, capfd):
    assert run(fieldwork, "status") == 0
    shown = capfd.readouterr()
    assert "wave" in shown.out
    assert "last release" in shown.out
    assert run(fieldwork, "status", "--part", "waves", "--json") == 0
    waves = json.loads(capfd.readouterr().out)
    assert [(row["wave"], row["interviewed"]) for row in waves] == [(0, 2), (1, 1)]


@pytest.mark.parametrize("arguments", [("--part", "people"), ("--json",)])
def test_a_status_asked_for_wrongly_is_wrong_usage(study, arguments):
    assert run(study, "status", *arguments) == 2


def test_an_answer_is_corrected_and_traced(fieldwork, capfd):
    instance = "uuid:rm_followup-0003"
    told = ("--who", "lan", "--why", "call back")
    assert run(fieldwork, "correct", instance, "inc_own", "8", "8.5", *told) == 0
    assert run(fieldwork, "release", "build") == 0
    capfd.readouterr()
    assert run(fieldwork, "trace", instance, "inc_own") == 0
    out = capfd.readouterr().out
    assert "by lan: 8 to 8.5" in out
    assert "person_waves.inc_own = 8.5" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("trace", "uuid:none", "inc_own"),
        ("correct", "uuid:none", "inc_own", "1", "2", "--who", "lan", "--why", "w"),
    ],
)
def test_an_answer_that_is_not_there_is_one_line_and_exit_1(study, capfd, arguments):
    assert run(study, *arguments) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "uuid:none" in line


def test_the_eighteen_returnees_come_in_by_the_public_door(tmp_path, capfd):
    with (
        as_file(files("analysis") / "data" / "hoang2020" / "table1.csv") as table,
        as_file(files("analysis") / "mappings" / "hoang2020.toml") as mapping,
    ):
        code = cli.run(["import-frame", str(table), "--map", str(mapping), "--out", str(tmp_path / "paper")])
    dataset = Dataset.read(tmp_path / "paper")
    persons = dataset["persons"]
    assert len(persons) == 18
    assert persons["sex"].value_counts().to_dict() == {1: 13, 2: 5}
    assert dataset.manifest.disclosure == "published"
    assert code == 0
    assert "[source.age]" in capfd.readouterr().err


def test_response_and_retention_are_shown_by_group(fieldwork, capfd):
    assert run(fieldwork, "response", "--kind", "panel", "--by", "sex", "--csv") == 0
    header, first, *_ = capfd.readouterr().out.splitlines()
    assert header.startswith("sex,wave,baseline,")
    assert first.startswith("Male,0,2,")
    assert run(fieldwork, "response", "--by", "shoe-size") == 2
    assert "choose one of sex, programme, province" in " ".join(capfd.readouterr().err.split())
    assert run(fieldwork, "response", "--kind", "panel", "--by", "enumerator") == 2
    assert "several interviewers" in " ".join(capfd.readouterr().err.split())
