"""`survey codebook`, without a study (the shipped forms) and with one.

1. `list` narrows by search, form, module and flag; rows on stdout, the count on stderr. 2. `show` tells every
form that has the variable; a misspelt name is one line with near ones. 3. `export` writes every format, to
stdout or a file. 4. An unknown flag or format is wrong usage. 5. A study's own forms are read if it has any.
6. Each format, and `show`, says in which waves a variable is asked, its mode of dependent interviewing, its
back-check type, and every reason why it can be missing: don't know, refused, routed out, not in wave.
"""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from instruments.sheets import write_folder
from survey import cli
from survey.commands.init import start_study

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
FORMATS = ("md", "csv", "json", "ddi")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SURVEY_SETTINGS", raising=False)


def run(*arguments: object) -> int:
    return cli.run(["codebook", *(str(a) for a in arguments)], clock=lambda: NOW)


def test_variables_are_listed_and_narrowed(capfd):
    assert run("list", "--search", "thu nhap", "--form", "rm_followup", "--flag", "S", "--json") == 0
    out, err = capfd.readouterr()
    rows = json.loads(out)
    assert "inc_own" in [row["name"] for row in rows]
    assert {row["in"] for row in rows} == {"rm_followup"}
    assert all("sensitive" in row["flags"] for row in rows)
    assert err.strip() == f"{len(rows)} variables."


def test_labels_come_in_the_language_asked_for(capfd):
    assert run("list", "--search", "inc_own", "--form", "rm_baseline", "--language", "vi", "--csv") == 0
    found = {row["name"]: row for row in csv.DictReader(io.StringIO(capfd.readouterr().out))}
    assert found["inc_own"]["label"].startswith("Tháng trước")


def test_a_variable_is_shown_in_every_form_that_has_it(capfd):
    assert run("show", "inc_own") == 0
    out = capfd.readouterr().out
    assert [line[:21] for line in out.splitlines() if line.startswith("inc_own")] == [
        "inc_own  (rm_baseline",
        "inc_own  (rm_followup",
    ]
    assert "missing -98  dont_know" in out


def test_a_misspelt_variable_is_one_line_with_near_ones(capfd):
    assert run("show", "inc_owm") == 1
    assert "survey: no variable 'inc_owm': did you mean inc_own" in capfd.readouterr().err


def test_every_format_is_written(tmp_path: Path, capfd):
    assert run("export", "--form", "rm_contact", "--format", "csv") == 0
    names = [row["name"] for row in csv.DictReader(io.StringIO(capfd.readouterr().out))]
    assert run("export", "--form", "rm_contact", "--format", "json") == 0
    assert [item["name"] for item in json.loads(capfd.readouterr().out)] == names
    assert run("export", "--form", "rm_contact", "--format", "md") == 0
    page = capfd.readouterr().out
    assert all(f"#### `{name}`" in page for name in names)
    assert run("export", "--form", "rm_contact", "--format", "ddi", "--output", tmp_path / "c.xml") == 0
    out, err = capfd.readouterr()
    assert (out, f"Wrote {len(names)} variables" in err) == ("", True)
    root = etree.parse(tmp_path / "c.xml").getroot()
    assert root.xpath("//*[local-name()='var']/@name") == names


@pytest.mark.parametrize("wrong", [("list", "--flag", "Z"), ("export", "--format", "docx")])
def test_an_unknown_flag_or_format_is_wrong_usage(wrong: tuple[str, ...], capfd):
    assert run(*wrong) == 2
    assert "there are" in " ".join(capfd.readouterr().err.split())


def test_a_study_with_forms_of_its_own_has_its_own_codebook(tmp_path: Path, monkeypatch, capfd):
    study = start_study(tmp_path / "study", {"study": {"forms_folder": "forms", "forms": ["mine"]}})
    survey = [["type", "name", "label"], ["text", "case_id", "Case"]]
    write_folder({"survey": survey, "settings": [["form_id"], ["mine"]]}, study.parent / "forms" / "mine")
    monkeypatch.chdir(study.parent)
    assert run("list", "--form", "mine", "--json") == 0
    assert [row["name"] for row in json.loads(capfd.readouterr().out)] == ["case_id"]
    assert run("list", "--form", "rm_baseline", "--json") == 0
    assert json.loads(capfd.readouterr().out) == []


SAID = {
    "waves": ("di_state", "rm_followup", "inflow waves 1–8; stock waves 1–7"),
    "wave of the baseline": ("ret_y", "rm_baseline", "inflow wave 0; stock wave 0"),
    "mode": ("di_state", "rm_followup", "proactive"),
    "mode of plans": ("int_plan", "rm_followup", "independent"),
    "what is read back": ("di_state", "rm_followup", "pl_state"),
    "what is corrected": ("di_fix", "rm_followup", "pl_state"),
    "don't know": ("di_fix", "rm_followup", "dont_know"),
    "refused": ("debt_any", "rm_baseline", "refused"),
    "not known": ("ret_y", "rm_baseline", "unknown"),
    "routed out": ("di_fix", "rm_followup", "unless (${con_part} = 1) and (${di_state} = 3)"),
    "not in wave": ("ret_y", "rm_baseline", "outside of inflow wave 0; stock wave 0"),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> dict[str, str]:
    """The shipped codebook in every format."""
    folder = tmp_path_factory.mktemp("codebook")
    for kind in FORMATS:
        assert cli.run(["codebook", "export", "--format", kind, "--output", str(folder / kind)]) == 0
    return {kind: (folder / kind).read_text(encoding="utf-8") for kind in FORMATS}


def entry_of(kind: str, text: str, name: str, form: str) -> str:
    """What a format says of one variable of one form, as plain text."""
    if kind == "csv":
        rows = csv.DictReader(io.StringIO(text))
        return "\n".join(next(r for r in rows if (r["name"], r["form"]) == (name, form)).values())
    if kind == "json":
        (found,) = [e for e in json.loads(text) if (e["name"], e.get("form")) == (name, form)]
        spans = [f"{track} {numbers}" for track, numbers in found["waves"].items()]
        return "\n".join([json.dumps(found, ensure_ascii=False), *spans])
    if kind == "ddi":
        root = etree.fromstring(text.encode())
        (found,) = root.xpath(f"//*[local-name() = 'var'][@ID = 'V-{form}-{name}']")
        return etree.tostring(found, encoding="unicode")
    chapter = text[text.index(f"(`{form}`") :]
    section = chapter[chapter.index(f"#### `{name}`\n") :].partition("\n#### ")[0]
    return section.replace("\\", "")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("what", SAID)
def test_every_format_says_what_a_variable_is_for(exported: dict[str, str], what: str, kind: str):
    name, form, words = SAID[what]
    said = entry_of(kind, exported[kind], name, form)
    if kind == "json" and what.startswith("wave"):
        words = "inflow [0]" if form == "rm_baseline" else "inflow [1, 2, 3, 4, 5, 6, 7, 8]"
    assert words in said


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("name", "type_"), [("ret_y", "1"), ("ret_why", "2"), ("int_plan", "3")])
def test_every_format_says_the_back_check_type(exported: dict[str, str], name: str, type_: str, kind: str):
    said = entry_of(kind, exported[kind], name, "rm_baseline")
    written = {
        "md": f"- back-check: type {type_}",
        "csv": f"\n{type_}\n",
        "json": f'"back_check": "{type_}"',
        "ddi": f'type="back-check">{type_}<',
    }
    assert written[kind] in said


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in SAID.values()))
def test_showing_a_variable_says_the_same(name: str, capfd):
    told = [(form, words) for one, form, words in SAID.values() if one == name]
    assert run("show", name, "--form", told[0][0]) == 0
    shown = capfd.readouterr().out
    assert [words for _, words in told if words not in shown] == []
