"""Requirements: dependent interviewing by annotation (`proactive from PROPERTY`).

1. The question gets its preload, a screen that reads it back, and its own routing, in every language of the
   form; words of a choice are read back in the language on the screen.
2. Confirmed, the question is not asked and the preloaded answer is the one now.
3. Changed since, it is asked, and the answer is the one now.
4. Wrong, one is asked what was right then, and how it is now; the old value stays beside its correction.
5. Without a preload nothing is read back; the question is asked as if it were new.
6. The preload stands below the question that chooses the person; routing that the author wrote is kept.
7. A wording, a property or a kind of question that cannot be used is an error that names the row.
8. The annotation leaves no trace: sheets written out once stay as they are; Excel folds them back.
9. What is asked independently is left alone.
10. The follow-up form reads back activity and job by annotation, with the names and codes it had.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from instruments.excel.folding import fold
from instruments.expand.dependent import written
from instruments.expand.includes import MODULES, modules, shared_lists, write_out
from instruments.instrument import Instrument, load
from instruments.lint import lint
from instruments.sheets import Sheets, read_csv, read_folder, rows
from instruments.xform import build

from .conftest import MEMBER, WHEN, Desk, read_markdown

FORM = """
| survey  | type                             | name     | label::English (en)  | label::Tiếng Việt (vi)   | relevant      | required | codebook::list | codebook::sensitivity | codebook::preload                   | codebook::unit |
|         | select_one_from_file returnee.csv | returnee | Who?                 | Ai?                      |               | yes      | entity         | identifying           | dependent                           |                |
|         | integer                          | age      | How old are you?     | Anh/chị bao nhiêu tuổi?  |               | yes      |                |                       |                                     | years          |
|         | select_one kin                   | lives    | Whom do you live with? | Anh/chị sống với ai?   | ${age} >= 18  | yes      |                |                       | proactive from last_lives           |                |
|         | integer                          | size     | How many are you?    | Có bao nhiêu người?      |               | yes      |                |                       | proactive from fact: pl_n = last_size | persons      |
| choices | list_name | name | label::English (en) | label::Tiếng Việt (vi) |
|         | kin       | 1    | My parents          | Bố mẹ                  |
|         | kin       | 2    | My wife or husband  | Vợ hoặc chồng          |
|         | kin       | 3    | Nobody              | Một mình               |
"""  # noqa: E501
PERSON = {"name": MEMBER["name"], "label": "VN000001", "__version": "1", "last_lives": "1", "last_size": "4"}
TOLD = {"returnee": MEMBER["name"], "age": 30, "lives": 2, "size": 2}


@pytest.fixture(scope="module")
def small() -> Instrument:
    whole = write_out(read_markdown(FORM))
    return Instrument.from_sheets(whole.sheets, whole.places)


@pytest.fixture(scope="module")
def ask(desk: Desk, small: Instrument, tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """Fill the small form; gives what was asked and what was said."""
    from survey.sandbox.tablet import uuids

    folder = tmp_path_factory.mktemp("dependent")
    (folder / "form.xml").write_text(build(small).xml, encoding="utf-8")

    def fill(language: str = "English (en)", person: dict[str, str] | None = None, **answers: int):
        with (folder / "returnee.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.DictWriter(stream, list(PERSON))
            table.writeheader()
            table.writerow(PERSON | (person or {}))
        told = TOLD | answers
        done = desk.tablet.fill(
            folder / "form.xml", folder, told, when=WHEN, ids=uuids("dependent"), language=language
        )
        assert done.complete, done.violations
        root = etree.fromstring(done.xml.encode())
        return [path.rpartition("/")[2] for path in done.asked], {
            node.tag: node.text for node in root.iter() if not len(node) and node.text
        }

    return fill


LANGUAGES = ("English (en)", "Tiếng Việt (vi)")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_confirmed_answer_is_not_asked_again(ask: Callable, language: str) -> None:  # 1, 2
    asked, said = ask(language, di_lives=1, di_n=1)
    assert asked == ["returnee", "age", "di_lives", "di_n"]
    assert (said["pl_lives"], said["pl_lives_en"], said["pl_lives_vi"]) == ("1", "My parents", "Bố mẹ")
    assert (said["lives_now"], said["size_now"]) == ("1", "4")
    assert "lives" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_changed_is_asked(ask: Callable, language: str) -> None:  # 3
    asked, said = ask(language, di_lives=2, di_n=2)
    assert asked == ["returnee", "age", "di_lives", "lives", "di_n", "size"]
    assert (said["pl_lives"], said["lives"], said["lives_now"]) == ("1", "2", "2")
    assert (said["pl_n"], said["size_now"]) == ("4", "2")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_wrong_is_corrected_and_kept(ask: Callable, language: str) -> None:  # 4
    asked, said = ask(language, di_lives=3, di_lives_fix=3, di_n=1)
    assert asked == ["returnee", "age", "di_lives", "di_lives_fix", "lives", "di_n"]
    assert (said["pl_lives"], said["di_lives"], said["di_lives_fix"]) == ("1", "3", "3")
    assert (said["lives"], said["lives_now"]) == ("2", "2")


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_preload_the_question_is_asked_as_new(ask: Callable, language: str) -> None:  # 5
    asked, said = ask(language, {"last_lives": "", "last_size": ""}, di_lives=1, di_n=1)
    assert asked == ["returnee", "age", "lives", "size"]
    assert (said["lives_now"], said["size_now"]) == ("2", "2")
    assert not {"di_lives", "di_n", "pl_lives"} & said.keys()


def test_who_is_not_asked_is_not_reminded_either(ask: Callable) -> None:  # 1, 6
    asked, said = ask(age=15, di_n=1)
    assert asked == ["returnee", "age", "di_n"]
    assert "lives_now" not in said


def test_the_rows_are_there_in_every_language(small: Instrument) -> None:  # 1, 6
    assert [q.name for q in small.questions] == [
        *("returnee", "pl_lives", "pl_lives_en", "pl_lives_vi", "pl_n", "age"),
        *("di_lives", "di_lives_fix", "lives", "lives_now", "di_n", "di_n_fix", "size", "size_now"),
    ]
    screen = small.question("di_lives")
    assert screen is not None
    assert screen.cell("relevant") == "${age} >= 18 and ${pl_lives} != ''"
    english, vietnamese = (screen.cell(f"label::{language}") for language in LANGUAGES)
    assert english == (
        "Last time we asked: “Whom do you live with?” You told us: ${pl_lives_en}. Is that still so?"
    )
    assert "“Anh/chị sống với ai?” Anh/chị cho biết: ${pl_lives_vi}" in vietnamese
    assert [f for f in lint(small) if f.code != "missing.refusal"] == []


def test_the_codebook_tells_screen_preload_and_correction(small: Instrument) -> None:  # 1, 4
    told = {v.name: v for v in small.variables}
    assert told["lives"].preload == told["di_lives"].preload == "proactive"
    assert told["pl_lives"].preload == "preload"
    assert (told["pl_lives"].type, told["pl_n"].unit) == ("select_one", "persons")
    assert (told["di_lives"].preloaded, told["di_lives"].wrong) == ("pl_lives", "3")
    assert told["di_lives_fix"].corrects == "pl_lives"
    assert told["di_lives_fix"].list_name == told["lives"].list_name
    assert told["lives_now"].inputs == ("di_lives", "pl_lives", "lives")


WORDS = {
    "dependent_fact": [
        {"type": "calculate", "name": "{preload}", "calculation": "{from}", "codebook::type": "{type}",
         "codebook::preload": "preload"},
        {"type": "question", "relevant": "${di_{stem}} != 1"},
    ],
}  # fmt: skip
CHOOSER = (
    "survey row 2",
    {"type": "select_one_from_file returnee.csv", "name": "who", "codebook::list": "entity"},
)


def expanded(*cells: dict[str, str], chooser: bool = True) -> list[dict[str, str]]:
    table = [(f"survey row {number}", each) for number, each in enumerate(cells, start=3)]
    return [row for _, row in written([*([CHOOSER] if chooser else []), *table], WORDS)]


def test_routing_that_the_author_wrote_is_kept() -> None:  # 6
    own = {"type": "text", "name": "job", "relevant": "${emp} = 1 and ${di_job} != 1"}
    template = [*WORDS["dependent_fact"], {"type": "text", "name": "di_{stem}", "relevant": "{when}"}]
    table = [CHOOSER, ("survey row 3", own | {"codebook::preload": "dependent from last_job"})]
    made = {row["name"]: row for _, row in written(table, {"dependent_fact": template})}
    assert made["job"]["relevant"] == own["relevant"]
    assert made["job"]["codebook::preload"] == "dependent"
    assert made["di_job"]["relevant"] == "${emp} = 1 and ${pl_job} != ''"


def test_an_expression_may_stand_in_place_of_a_property() -> None:  # 6
    asked = {"type": "text", "name": "job", "codebook::preload": "proactive from instance('x')/root/item/a"}
    (preload, question) = expanded(asked, chooser=False)
    assert preload["calculation"] == "instance('x')/root/item/a"
    assert question["relevant"] == "${di_job} != 1"


@pytest.mark.parametrize(
    ("cells", "chooser", "message"),
    [
        ({"codebook::preload": "proactive from mood: last_job"}, True, "no wording 'mood'; there are fact"),
        ({"codebook::preload": "proactive from last_job"}, False, "nobody is chosen from a panel list"),
        ({"codebook::preload": "proactive because"}, True, "write codebook::preload as proactive from"),
        ({"codebook::preload": "proactive from ${age}"}, True, "neither a property nor an expression"),
        ({"type": "select_multiple yn"}, True, "'select_multiple yn' cannot be read back"),
        ({"type": "geopoint"}, True, "'geopoint' cannot be read back"),
    ],
)
def test_what_cannot_be_read_back_is_an_error(
    cells: dict[str, str], chooser: bool, message: str
) -> None:  # 7
    row = {"type": "text", "name": "job", "codebook::preload": "proactive from last_job"} | cells
    with pytest.raises(ValueError, match="survey row 3: .*" + message.replace("(", r"\(")):
        expanded(row, chooser=chooser)


def test_an_answer_of_a_repeat_cannot_be_preloaded() -> None:  # 7
    asked = {"type": "text", "name": "job", "codebook::preload": "proactive from last_job"}
    with pytest.raises(ValueError, match="survey row 4: job stands in a repeat"):
        expanded({"type": "begin_repeat", "name": "r"}, asked, {"type": "end_repeat"})


def test_the_annotation_leaves_no_trace(small: Instrument) -> None:  # 8
    assert write_out(small.sheets).sheets == small.sheets


def test_excel_folds_the_rows_back() -> None:  # 8
    before = read_markdown(FORM)
    whole: Sheets = {name: [list(row) for row in table] for name, table in write_out(before).sheets.items()}
    assert fold(whole, before) == (before, [])
    at, column = whole["survey"][0].index("name"), whole["survey"][0].index("label::English (en)")
    next(row for row in whole["survey"] if row[at] == "size")[column] = "How many people are you?"
    folded, notes = fold(whole, before)
    assert [row["name"] for row in rows(folded["survey"])] == ["returnee", "age", "lives", "size"]
    assert rows(folded["survey"])[-1]["label::English (en)"] == "How many people are you?"
    assert rows(folded["survey"])[-1]["codebook::preload"] == "proactive from fact: pl_n = last_size"
    assert [note.code for note in notes] == ["rows.made_anew"]  # the screen quotes the question


def test_what_is_asked_independently_is_left_alone() -> None:  # 9
    asked = {"type": "text", "name": "job", "codebook::preload": "independent from last_job"}
    assert expanded(asked)[1:] == [asked]


def test_the_follow_up_reads_back_activity_and_job() -> None:  # 10
    form = load("rm_followup")
    own = {row.get("name") for row in rows(read_csv(FOLLOWUP))}
    assert not {"pl_state", "di_state", "di_fix", "pl_job", "di_job"} & own
    told = {v.name: v for v in form.variables}
    assert [c.name for c in told["di_state"].choices] == ["1", "2", "3"]
    assert [c.name for c in told["di_job"].choices] == ["1", "2", "3", "4"]
    assert (told["di_state"].wrong, told["di_fix"].corrects) == ("3", "pl_state")
    assert (told["di_job"].wrong, told["job_title"].preloaded) == ("4", "pl_job")
    screen = form.question("di_job")
    assert screen is not None
    assert screen.cell("relevant") == "${is_emp} = 1 and ${pl_job} != ''"


FOLLOWUP = Path(MODULES).parent / "forms" / "rm_followup" / "survey.csv"


def test_every_wording_is_complete_in_every_language() -> None:  # 1
    kinds = [name for name in modules() if name.startswith("dependent_")]
    assert kinds == ["dependent_activity", "dependent_fact", "dependent_job"]
    for name in kinds:
        (sheet,) = read_folder(MODULES / name).values()
        shown = [row for row in rows(sheet) if "label::English (en)" in row]
        assert shown
        assert all("label::Tiếng Việt (vi)" in row for row in shown)
        for row in rows(sheet):
            if "codebook::wrong" in row:
                codes = [choice["name"] for choice in shared_lists()[row["type"].split()[1]]]
                assert row["codebook::wrong"] in codes
