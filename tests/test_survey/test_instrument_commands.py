"""`survey instrument` without a study (the shipped forms), on files, and with a study.

1. `list` shows every form with version and minutes. 2. `lint` shows sheet, row, column and cure; 3 when one
is an error; as rows the place is taken apart. 3. `--minutes` shows modules by path; a path over budget is
said. 4. `build` writes .xlsx and .xml that belong together; a form that cannot run leaves with 3.
5. A form is named by its name, its folder or its .xlsx; one that is not there is one line.
6. `export` writes a workbook that `import` reads back as it was; what differs is shown by question, and a dry
run writes nothing. 7. What ODK does not do is said: a new form is written to be mended (3), one that is there
stays. 8. A file that is no XLSForm is one line; a dialect that is not there is said, and nothing is written.
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


def into_study(tmp_path: Path, capfd, sheets: dict[str, Table], *more: object) -> tuple[int, str, str]:
    """What `import` of these sheets into tmp_path/forms leaves with and says."""
    (tmp_path / "form.xlsx").write_bytes(write_xlsx(sheets))
    capfd.readouterr()
    left = run("import", tmp_path / "form.xlsx", "--into", tmp_path / "forms", *more)
    told = capfd.readouterr()
    return left, told.out, told.err


def test_a_form_goes_to_excel_and_back_as_it_was(tmp_path: Path, capfd):
    form = write(tmp_path / "forms" / "mine", ["text", "word", "Word", "Từ", ""])
    assert run("export", form, "--output", "out") == 0
    was = {path.name: path.read_bytes() for path in form.iterdir()}
    assert run("import", "out/mine.xlsx", "--into", tmp_path / "forms", "--csv") == 0
    told = capfd.readouterr()
    assert told.out == ""
    assert "Form mine: 0 cells differ; it stays as it is." in told.err
    assert {path.name: path.read_bytes() for path in form.iterdir()} == was


def test_the_workbook_for_surveycto_comes_back_too(tmp_path: Path, capfd):
    form = write(tmp_path / "forms" / "mine", ["text", "word", "Word", "Từ", ""])
    assert run("export", form, "--output", "out", "--dialect", "surveycto") == 0
    assert "relevance" in read_xlsx(tmp_path / "out" / "mine.xlsx")["survey"][0] or "label:English" in str(
        read_xlsx(tmp_path / "out" / "mine.xlsx")["survey"][0]
    )
    assert run("import", "out/mine.xlsx", "--into", tmp_path / "forms") == 0
    assert "0 cells differ" in capfd.readouterr().err


def test_an_edit_in_excel_is_shown_and_written_unless_it_is_a_dry_run(tmp_path: Path, capfd):
    form = write(tmp_path / "forms" / "mine", ["text", "word", "Word", "Từ", ""])
    sheets = dict(load(form).sheets)
    sheets["survey"] = [[cell.replace("Word", "A word") for cell in row] for row in sheets["survey"]]
    before = (form / "survey.csv").read_text()
    left, out, err = into_study(tmp_path, capfd, sheets, "--dry-run", "--csv")
    assert left == 0
    assert list(csv.DictReader(io.StringIO(out))) == [
        {
            "sheet": "survey", "row": "word", "column": "label::English (en)",
            "before": "Word", "after": "A word",
        }
    ]  # fmt: skip
    assert "it would be written" in err
    assert (form / "survey.csv").read_text() == before
    assert into_study(tmp_path, capfd, sheets)[0] == 0
    assert "A word" in (form / "survey.csv").read_text()


def test_what_odk_does_not_do_is_said_and_a_form_that_is_there_stays(tmp_path: Path, capfd):
    kobo: dict[str, Table] = {
        "survey": [["type", "name", "label"], ["text", "a", "A"], ["kobo--matrix", "m", "Matrix"]],
        "settings": [["form_id", "form_title"], ["theirs", "Theirs"]],
    }
    left, _, err = into_study(tmp_path, capfd, kobo)
    assert left == 3
    assert "form: survey row 3 (m), column type" in err
    survey = tmp_path / "forms" / "theirs" / "survey.csv"
    assert "kobo--matrix" in survey.read_text()
    kobo["survey"][1][2] = "Another"
    left, _, err = into_study(tmp_path, capfd, kobo)
    assert left == 3
    assert "it stays as it is" in err
    assert "Another" not in survey.read_text()


def test_what_is_no_workbook_is_one_line(tmp_path: Path, capfd):
    (tmp_path / "form.xlsx").write_bytes(b"no workbook")
    assert run("import", tmp_path / "form.xlsx", "--into", tmp_path) == 1
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("survey: cannot read form.xlsx: It is no .xlsx that can be read")


def test_a_dialect_that_is_not_there_is_said(tmp_path: Path, capfd):
    form = write(tmp_path / "mine", ["text", "word", "Word", "Từ", ""])
    assert run("export", form, "--output", "out", "--dialect", "lotus") == 2
    assert "there are odk, surveycto" in " ".join(capfd.readouterr().err.split())
    assert not list((tmp_path / "out").iterdir())
