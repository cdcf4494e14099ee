"""`survey instrument` without a study (the shipped forms), on files, and with a study.

1. `list` shows every form with version and minutes. 2. `lint` shows sheet, row, column and cure; 3 when one
is an error; as rows the place is taken apart. 3. `--minutes` shows modules by path; a path over budget is
said. 4. `build` writes .xlsx and .xml that belong together; a form that cannot run leaves with 3.
5. A form is named by its name, its folder or its .xlsx; one that is not there is one line.
"""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from instruments.instrument import Instrument, forms, load
from instruments.sheets import Table, read_xlsx, write_folder, write_xlsx
from survey import cli

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
SURVEY: Table = [
    ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "codebook::unit"],
    ["integer", "case_id", "Number", "Mã số", "number"],
]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SURVEY_SETTINGS", raising=False)


def run(*arguments: object) -> int:
    return cli.run(["instrument", *(str(a) for a in arguments)], clock=lambda: NOW)


def write(folder: Path, *rows: list[str]) -> Path:
    """A form in a folder: a case number and these rows."""
    settings = [["form_id", "form_title", "version"], [folder.name, "A form", "1"]]
    write_folder({"survey": [*SURVEY, *rows], "settings": settings}, folder)
    return folder


def test_the_forms_are_listed(capfd):
    assert run("list", "--json") == 0
    rows = {row["form"]: row for row in json.loads(capfd.readouterr().out)}
    assert set(rows) == set(forms())
    assert rows["rm_baseline"]["version"] == load("rm_baseline").version
    assert 38 <= float(rows["rm_baseline"]["minutes"]) <= 48


def test_the_shipped_forms_have_no_error(capfd):
    assert run("lint", "--csv") == 0
    assert "findings in" in capfd.readouterr().err


def test_a_fault_is_shown_with_its_place_and_cure_and_leaves_with_3(tmp_path: Path, capfd):
    form = write(tmp_path / "mine", ["text", "double", "Word", "-", ""])
    assert run("lint", form) == 3
    out = capfd.readouterr().out
    assert "mine: survey row 3 (double), column name: 'double' is a reserved word" in out
    assert "mine: survey row 3 (double), column label::Tiếng Việt (vi): The label is not there in vi" in out
    assert run("lint", form, "--json") == 3
    row = next(row for row in json.loads(capfd.readouterr().out) if row["code"] == "name.reserved")
    assert (row["form"], row["sheet"], row["row"], row["name"], row["column"]) == (
        "mine", "survey", "3", "double", "name",
    )  # fmt: skip


def test_minutes_are_shown_by_module_and_path(capfd):
    assert run("lint", "rm_followup", "--minutes", "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    told = {(row["module"], row["path"]): float(row["minutes"]) for row in rows}
    assert told["abroad", "employed"] == 0
    assert told["abroad", "abroad"] > 1
    assert told["(all)", "refused"] < told["(all)", "nothing_changed"] < told["(all)", "employed"]
    assert run("lint", "rm_followup", "--minutes") == 0
    header = capfd.readouterr().out.splitlines()[0].split()
    assert header[:3] == ["form", "module", "open"]


def test_a_path_over_budget_is_said(capfd):
    assert run("lint", "rm_followup", "--minutes", "--budget", "20") == 0
    assert "The path employed takes about" in capfd.readouterr().err


def test_a_form_is_built_to_files_that_belong_together(tmp_path: Path, capfd):
    form = write(tmp_path / "mine")
    assert run("build", form, "--output", "out", "--no-validate") == 0
    made = Instrument.from_sheets(read_xlsx(tmp_path / "out" / "mine.xlsx"))
    root = etree.parse(tmp_path / "out" / "mine.xml")
    (instance,) = root.xpath("//*[local-name()='data' and @id='mine']")
    assert instance.get("version") == made.settings["version"] == load(form).version
    assert "mine 1." in capfd.readouterr().err


def test_odk_validate_reads_what_was_built(tmp_path: Path, capfd):
    form = write(tmp_path / "mine")
    assert run("build", form, "--output", "out") == 0
    assert "not_validated" not in capfd.readouterr().err


def test_a_form_that_cannot_run_leaves_with_3(tmp_path: Path, capfd):
    form = write(tmp_path / "mine", ["select_one nowhere", "x", "Choose", "Chọn", ""])
    assert run("build", form, "--output", "out", "--no-validate") == 3
    assert "pyxform refuses the form" in capfd.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_form_is_also_named_by_its_file(tmp_path: Path, capfd):
    form = write(tmp_path / "mine")
    (tmp_path / "other.xlsx").write_bytes(write_xlsx(dict(load(form).sheets)))
    assert run("lint", "other.xlsx", "--json") == 0
    assert json.loads(capfd.readouterr().out) == []


def test_a_form_that_is_not_there_is_one_line(capfd):
    assert run("lint", "nowhere") == 1
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("survey: cannot read the form 'nowhere'")
    assert "the forms are rm_backcheck, rm_baseline" in last or "the forms are rm_baseline" in last
