"""`survey instrument translate` on a folder of forms; a form in three languages with a shared module.

1. `export` writes a sheet that `import` takes back; a dry run writes nothing; what changes is shown.
2. What would break a form is refused by row and leaves with 3; the rest is written.
3. `status` counts texts by state; `lint` of a study that demands approval leaves with 3.
4. A part, a language or a file that is none is one line.
5. A form in English, Vietnamese and Indonesian includes the module of plans: lint, ODK Validate, print.
"""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from instruments.instrument import load
from instruments.lint import lint
from instruments.sheets import read_csv, read_xlsx, rows, table, write_folder, write_xlsx
from instruments.xform import build, validate
from survey import cli
from survey.config import settings_text

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
SURVEY = [
    ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "codebook::sensitivity"],
    ["text", "case_id", "Number", "Mã số", "identifying"],
    ["note", "hello", "Good day ${case_id}", "Xin chào ${case_id}", ""],
]


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study with a form of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SURVEY_SETTINGS", raising=False)
    settings = [["form_id", "form_title", "version"], ["small", "Small form", "1"]]
    write_folder({"survey": SURVEY, "settings": settings}, tmp_path / "forms" / "small")
    _settings(tmp_path)
    return tmp_path


def _settings(folder: Path, **study: object) -> None:
    told = {"forms_folder": "forms", "forms": ["small"]} | study
    (folder / "survey.toml").write_text(settings_text(study=told), encoding="utf-8")


def run(*arguments: object) -> int:
    return cli.run(["instrument", *(str(a) for a in arguments)], clock=lambda: NOW)


def fill(path: Path, **cells: dict[str, str]) -> None:
    """Other cells in the rows of these names."""
    ((title, sheet),) = read_xlsx(path).items()
    told = [row | cells.get(row["row"], {}) for row in rows(sheet)]
    path.write_bytes(write_xlsx({title: table(told, sheet[0])}))


def labels(study: Path) -> dict[str, list[str]]:
    header, *told = read_csv(study / "forms" / "small" / "survey.csv")
    return {row[1]: [cell for name, cell in zip(header, row, strict=True) if "label" in name] for row in told}


def test_a_sheet_goes_out_and_comes_in(study: Path, capfd: pytest.CaptureFixture[str]) -> None:  # 1
    assert run("translate", "export", "id", "small", "--output", "id.xlsx") == 0
    assert "3 texts for id: 3 missing" in capfd.readouterr().err
    fill(study / "id.xlsx", case_id={"translation": "Nomor"}, hello={"translation": "Halo ${case_id}"})
    assert run("translate", "import", "id.xlsx", "--dry-run", "--json") == 0
    out = capfd.readouterr()
    assert [(row["row"], row["after"], row["state"]) for row in json.loads(out.out)] == [
        ("case_id", "Nomor", "(none) → draft"),
        ("hello", "Halo ${case_id}", "(none) → draft"),
    ]
    assert "2 texts and 2 records would change" in out.err
    assert labels(study)["case_id"] == ["Number", "Mã số"]
    assert run("translate", "import", "id.xlsx") == 0
    assert labels(study)["hello"] == ["Good day ${case_id}", "Xin chào ${case_id}", "Halo ${case_id}"]
    assert [path.name for path in (study / "translations").iterdir()] == ["id.csv"]
    assert run("translate", "import", "id.xlsx", "--csv") == 0
    assert "0 texts and 0 records changed" in capfd.readouterr().err


def test_what_would_break_the_form_is_refused_by_row(
    study: Path, capfd: pytest.CaptureFixture[str]
) -> None:  # 2
    assert run("translate", "export", "Deutsch (de)", "small", "--output", "de.xlsx") == 0
    fill(study / "de.xlsx", case_id={"translation": "Nummer"}, hello={"translation": "Guten Tag"})
    assert run("translate", "import", "de.xlsx", "--language", "Deutsch (de)") == 3
    said = capfd.readouterr().err
    assert "de.xlsx: row 4 (hello), column translation" in said
    assert "${case_id} stands in one of the two texts only" in said
    assert labels(study) == {
        "case_id": ["Number", "Mã số", "Nummer"],
        "hello": ["Good day ${case_id}", "Xin chào ${case_id}", ""],
    }


def test_the_state_of_a_language_is_counted_and_demanded(
    study: Path, capfd: pytest.CaptureFixture[str]
) -> None:  # 3
    run("translate", "export", "vi", "small", "--output", "vi.xlsx")
    fill(study / "vi.xlsx", case_id={"state": "approved"})
    assert run("translate", "import", "vi.xlsx") == 0
    capfd.readouterr()
    assert run("translate", "status", "--csv") == 0
    counted = {row["of"]: row for row in csv.DictReader(io.StringIO(capfd.readouterr().out))}
    assert (counted["forms"]["approved"], counted["forms"]["draft"], counted["forms"]["gone"]) == (
        "1",
        "1",
        "0",
    )
    assert run("lint", "small") == 0
    _settings(study, approved_languages=["vi"])
    capfd.readouterr()
    assert run("lint", "small") == 3
    assert "[translation.unapproved]" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "id", "nothing"], "there is no form, module or corridor 'nothing'"),
        (["export", "Klingon"], "'Klingon' is no language to translate into"),
        (["export", "en"], "'en' is no language to translate into"),
        (["import", "wrong.xlsx", "--language", "id"], "has no column 'place'"),
    ],
)
def test_what_is_none_is_one_line(
    study: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:  # 4
    (study / "wrong.xlsx").write_bytes(write_xlsx({"id": [["key", "text"], ["a", "b"]]}))
    assert run("translate", *arguments) in (1, 2)
    assert words in " ".join(capfd.readouterr().err.replace("│", " ").split())


def test_a_form_in_three_languages_includes_a_module_of_them(
    study: Path, capfd: pytest.CaptureFixture[str]
) -> None:  # 5
    survey = [
        ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "label::Bahasa Indonesia (id)",
         "codebook::sensitivity"],
        ["text", "case_id", "Number", "Mã số", "Nomor", "identifying"],
        ["begin_group", "mod_a", "A. Plans", "A. Dự định", "A. Rencana", ""],
        ["include", "plans", "", "", "", ""],
        ["end_group", "mod_a", "", "", "", ""],
    ]  # fmt: skip
    settings = [["form_id", "form_title", "version", "default_language",
                 "codebook::title::Bahasa Indonesia (id)"],
                ["plans3", "Plans", "1", "English (en)", "Rencana"]]  # fmt: skip
    write_folder({"survey": survey, "settings": settings}, study / "forms" / "plans3")
    form = load("plans3", study / "forms")
    assert form.languages == ("en", "vi", "id")
    assert lint(form) == []
    built = build(form)
    assert 'lang="Bahasa Indonesia (id)"' in built.xml
    assert "Seandainya semua terserah Anda" in built.xml
    assert validate(built) == []
    assert run("print", "plans3", "--language", "id", "--output", "out") == 0
    assert capfd.readouterr().err.splitlines()[-1].endswith("plans3.id.pdf")
    pages = PdfReader(study / "out" / "plans3.id.pdf").pages
    said = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert "Ditanyakan jika A1 “Seandainya semua terserah Anda …” adalah" in said
    assert "Tinggal di luar negeri selamanya" in said
