"""Requirements.

1.  A text there in one language is there in all; "-" is no translation. Choices and messages count too.
2.  A question people see has a label; a calculation needs none.
3.  Names: lower case, at most 32 characters (28 for select_multiple), no word of Stata or SPSS, used once.
4.  Codes 98, 99, 998, 999 in a list and -98, -99, 9998 admitted by a constraint carry their reason.
5.  A sensitive, required question can be refused, and is asked only with consent, on its row or a group's.
6.  What looks like an identifier is flagged; free words are flagged; what is computed from either is flagged.
7.  A form tells the case.
8.  Time and chance come from preloaded rows: no today(), now(), uuid(), but for a stamp and once(uuid()).
9.  A counted repeat stands in a group with relevance count > 0.
10. Codebook columns use the codebook's words; calculations have a type, numbers a unit, files a home.
11. A list nobody uses is remarked.
12. One name, one meaning: type, list and unit are the same in all forms that share it.
13. The forms of the package are clean.
14. Wording that has still to be loaded (a text in square brackets) is refused.
15. Every finding says form, sheet, row, name and column, and what to do; all are given together.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from instruments.expand.includes import write_out
from instruments.findings import Finding
from instruments.instrument import Instrument, forms, load
from instruments.lint import lint, lint_again, lint_together

Form = Callable[[str], Instrument]
HEAD = "| survey | type | name | label::English (en) | codebook::sensitivity |"
CASE = "|        | text | case_id | Case | identifying |"


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_a_small_form_can_be_clean(form: Form) -> None:
    assert lint(form(f"{HEAD}\n{CASE}")) == []


@pytest.mark.parametrize("vietnamese", ["", "-", " - "])
def test_a_label_in_one_language_must_be_there_in_all(form: Form, vietnamese: str) -> None:  # 1
    (finding,) = lint(
        form(f"""
        | survey | type | name    | label::English (en) | label::Tiếng Việt (vi) | codebook::sensitivity |
        |        | note | hello   | Hello               | {vietnamese}           |                       |
        |        | text | case_id | Case                | Mã                     | identifying           |
        """)
    )
    assert finding.code == "translation.missing"
    assert finding.where == "small: survey row 2 (hello), column label::Tiếng Việt (vi)"


def test_messages_and_choices_are_translated_too(form: Form) -> None:  # 1
    findings = lint(
        form("""
        | survey  | type            | name    | label::English (en) | label::Tiếng Việt (vi) | constraint | constraint_message::English (en) | constraint_message::Tiếng Việt (vi) | codebook::sensitivity |
        |         | text            | case_id | Case                | Mã                     | . != 'x'   | Not x                            | -                                   | identifying           |
        |         | select_one yn   | q       | Q                   | Q                      |            |                                  |                                     |                       |
        | choices | list_name | name | label::English (en) | label::Tiếng Việt (vi) |
        |         | yn        | 1    | Yes                 |                        |
        """)  # noqa: E501
    )
    assert codes(findings) == ["translation.missing"] * 2
    assert [f.where.split(", ")[0] for f in findings] == [
        "small: survey row 2 (case_id)",
        "small: choices row 2 (1)",
    ]


def test_a_question_people_see_needs_a_label(form: Form) -> None:  # 2
    findings = lint(form(f"{HEAD}\n{CASE}\n| | note | hello | | |\n| | start | start | | |"))
    assert codes(findings) == ["label.missing"]


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        ("note", "Hello", "name.pattern"),
        ("note", "2nd", "name.pattern"),
        ("note", "a" * 33, "name.too_long"),
        ("select_multiple yn", "a" * 29, "name.too_long"),
        ("note", "with", "name.reserved"),
        ("note", "str12", "name.reserved"),
        ("note", "case_id", "name.repeated"),
    ],
)
def test_names_fit_statistical_software(form: Form, kind: str, name: str, code: str) -> None:  # 3
    text = f"{HEAD}\n{CASE}\n| | {kind} | {name} | Words | |\n"
    choices = "| choices | list_name | name | label::English (en) |\n| | yn | 1 | Yes |"
    found = codes(lint(form(text + (choices if "yn" in kind else ""))))
    assert found == [code]


def test_names_at_the_limit_are_fine(form: Form) -> None:  # 3
    assert lint(form(f"{HEAD}\n{CASE}\n| | note | {'a' * 32} | Words | |")) == []


def test_a_group_may_not_share_its_name_with_a_question(form: Form) -> None:  # 3
    text = f"{HEAD}\n| | begin_group | case_id | Group | |\n{CASE}\n| | end_group | | | |"
    assert codes(lint(form(text))) == ["name.repeated"]


@pytest.mark.parametrize(("reason", "found"), [("", 1), ("because", 1), ("refused", 0)])
def test_codes_for_no_answer_carry_their_reason(form: Form, reason: str, found: int) -> None:  # 4
    findings = lint(
        form(f"""
        {HEAD}
        {CASE}
        |         | select_one yn | q    | Q                   |         |
        | choices | list_name     | name | label::English (en) | missing |
        |         | yn            | 1    | Yes                 |         |
        |         | yn            | 99   | No answer           | {reason} |
        """)
    )
    assert codes(findings) == ["missing.reason"] * found


@pytest.mark.parametrize(
    ("constraint", "told", "code"),
    [
        (". >= 0 or . = -98", "", "missing.reason"),
        (". >= 0 or .=-99", "-99=because", "missing.reason"),
        (". >= 0", "-99=refused", "missing.refused_by_constraint"),
        (". >= 0 or . = -98", "-98=dont_know", None),
        ("(. > 1900) or . = 9998", "9998=unknown", None),
    ],
)
def test_numbers_and_their_missing_codes_agree(
    form: Form, constraint: str, told: str, code: str | None
) -> None:
    findings = lint(  # 4
        form(f"""
        | survey | type    | name    | label::English (en) | constraint   | codebook::missing | codebook::unit | codebook::sensitivity |
        |        | text    | case_id | Case                |              |                   |                | identifying           |
        |        | integer | q       | How many?           | {constraint} | {told}            | pieces         |                       |
        """)  # noqa: E501
    )
    assert codes(findings) == ([code] if code else [])


MONEY = """
| survey | type        | name     | label::English (en) | relevant   | required | constraint | codebook::missing | codebook::unit | codebook::sensitivity |
|        | text        | case_id  | Case                |            |          |            |                   |                | identifying           |
|        | select_one yn | con_sens | May we?           |            |          |            |                   |                |                       |
|        | begin_group | money    | Money               | {group}    |          |            |                   |                |                       |
|        | decimal     | debt     | Debt                | {relevant} | {required} | {constraint} | {missing}     | VND            | sensitive             |
|        | end_group   |          |                     |            |          |            |                   |                |                       |
| choices | list_name  | name     | label::English (en) |
|        | yn          | 1        | Yes                 |
"""  # noqa: E501


def money(form: Form, **cells: str) -> list[str]:
    empty = dict.fromkeys(("group", "relevant", "required", "constraint", "missing"), "")
    return codes(lint(form(MONEY.format(**empty | cells))))


def test_a_sensitive_question_waits_for_consent(form: Form) -> None:  # 5
    assert money(form) == ["consent.ungated"]
    assert money(form, relevant="${con_sens} = 1") == []
    assert money(form, group="${con_sens} = 1") == []


def test_a_sensitive_required_question_can_be_refused(form: Form) -> None:  # 5
    gate = {"group": "${con_sens} = 1", "required": "yes"}
    assert money(form, **gate) == ["missing.refusal"]
    assert money(form, **gate, constraint=". >= 0 or . = -98", missing="-98=dont_know") == ["missing.refusal"]
    assert money(form, **gate, constraint=". >= 0 or . = -99", missing="-99=refused") == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("text | tel | Main phone number | free_text", "identifier.unflagged"),
        ("text | tel | Main phone number | identifying", None),
        ("text | facebook | Contact | free_text", "identifier.unflagged"),
        ("text | job | What is your job? | ", "identifier.free_text"),
        ("text | job | What is your job? | free_text", None),
        ("note | phone_note | Show the phone number | ", None),
    ],
)
def test_identifiers_and_free_words_are_flagged(form: Form, row: str, code: str | None) -> None:  # 6
    assert codes(lint(form(f"{HEAD}\n{CASE}\n| | {row} |"))) == ([code] if code else [])


@pytest.mark.parametrize(
    ("calculation", "found"),
    [
        ("concat(${case_id}, 'x')", ["identifier.derived"]),
        ("instance('people')/root/item[name = ${case_id}]/age", []),
        ("1 + 1", []),
    ],
)
def test_what_is_computed_from_an_identifier_is_flagged(
    form: Form, calculation: str, found: list[str]
) -> None:
    text = f"""
    | survey | type         | name    | label | calculation   | codebook::type | codebook::sensitivity | codebook::list |
    |        | text         | case_id | Case  |               |                | identifying           |                |
    |        | csv-external | people  |       |               |                |                       | study          |
    |        | calculate    | shown   |       | {calculation} | text           |                       |                |
    """  # noqa: E501
    assert codes(lint(form(text))) == found  # 6


def test_a_form_tells_the_case(form: Form) -> None:  # 7
    assert codes(lint(form(f"{HEAD}\n| | note | hello | Hello | |"))) == ["key.missing"]


CLOCK = """
| survey | type      | name    | label::English (en) | relevant   | calculation   | trigger   | codebook::type | codebook::sensitivity |
|        | start     | start   |                     |            |               |           |                |                       |
|        | text      | case_id | Case                | {relevant} |               |           |                | identifying           |
|        | note      | con_part | Agreed?            |            |               |           |                |                       |
|        | calculate | stamp   |                     |            | {calculation} | {trigger} | text           |                       |
"""  # noqa: E501


@pytest.mark.parametrize(
    ("relevant", "calculation", "trigger", "found"),
    [
        ("", "format-date(today(), '%Y')", "", ["time.clock"]),
        ("now() > 1", "1", "", ["time.clock"]),
        ("", "now()", "", ["time.clock"]),
        ("", "now()", "${con_part}", []),
        ("", "uuid()", "", ["time.clock"]),
        ("", "once(uuid())", "", []),
        ("", "${start}", "", []),
    ],
)
def test_time_and_chance_come_from_preloaded_rows(
    form: Form, relevant: str, calculation: str, trigger: str, found: list[str]
) -> None:  # 8
    text = CLOCK.format(relevant=relevant, calculation=calculation, trigger=trigger)
    assert codes(lint(form(text))) == found


@pytest.mark.parametrize(("guard", "found"), [("${n} > 0", []), ("${n} != ''", ["repeat.unguarded"])])
def test_a_counted_repeat_is_hidden_while_its_count_is_zero(form: Form, guard: str, found: list[str]) -> None:
    text = f"""
    | survey | type         | name    | label::English (en) | relevant | repeat_count | codebook::sensitivity | codebook::unit |
    |        | text         | case_id | Case                |          |              | identifying           |                |
    |        | integer      | n       | How many?           |          |              |                       | pieces         |
    |        | begin_group  | around  | Around              | {guard}  |              |                       |                |
    |        | begin_repeat | each    | Each                |          | ${{n}}       |                       |                |
    |        | note         | hello   | Hello               |          |              |                       |                |
    |        | end_repeat   |         |                     |          |              |                       |                |
    |        | end_group    |         |                     |          |              |                       |                |
    """  # noqa: E501
    assert codes(lint(form(text))) == found  # 9


@pytest.mark.parametrize(
    ("column", "row", "code"),
    [
        ("codebook::type", "calculate | q | | number", "codebook.type"),
        ("codebook::type", "calculate | q | | ", "codebook.type"),
        ("codebook::sensitivity", "note | q | Q | secret", None),
        ("codebook::sensitivity", "date | q | Q | secret", "codebook.sensitivity"),
        ("codebook::unit", "integer | q | Q | ", "codebook.unit"),
        ("codebook::list", "select_one_from_file a.csv | q | Q | ", "codebook.list"),
        ("codebook::list", "select_one_from_file a.csv | q | Q | package", None),
    ],
)
def test_codebook_columns_use_the_codebooks_words(
    form: Form, column: str, row: str, code: str | None
) -> None:
    text = f"""
    | survey | type   | name    | label::English (en) | {column} |
    |        | hidden | case_id |                     |          |
    |        | {row} |
    """
    assert code in [*codes(lint(form(text))), None]  # 10
    assert len(set(codes(lint(form(text))))) == (1 if code else 0)


def test_a_list_nobody_uses_is_remarked(form: Form) -> None:  # 11
    choices = "| choices | list_name | name | label |\n| | yn | 1 | Yes |\n| | yn | 0 | No |"
    (finding,) = lint(form(f"{HEAD}\n{CASE}\n{choices}"))
    assert (finding.level, finding.code) == ("warning", "list.unused")


def test_one_name_has_one_meaning_in_all_forms(form: Form) -> None:  # 12
    head = "| survey | type | name | label::English (en) | codebook::unit |"
    one = form(f"{head}\n| | decimal | pay | Pay | JPY |\n| | integer | n | N | x |")
    two = form(f"{head}\n| | decimal | pay | Pay | VND |\n| | decimal | n | N | x |")
    findings = lint_together([one, two])
    assert codes(findings) == ["name.other_meaning"] * 2
    assert "its unit is JPY, here VND" in findings[0].message
    assert "its type is integer, here decimal" in findings[1].message


def test_the_forms_of_the_package_are_clean() -> None:  # 13
    instruments = [load(name) for name in forms()]
    assert [instrument.form_id for instrument in instruments] == [
        *("rm_backcheck", "rm_baseline", "rm_contact", "rm_exit", "rm_followup")
    ]
    assert [finding for instrument in instruments for finding in lint(instrument)] == []
    assert lint_together(instruments) == []


def test_wording_that_has_still_to_be_loaded_is_refused(form: Form) -> None:  # 14
    findings = lint(
        form(f"{HEAD}\n{CASE}\n| | note | a | [load the wording] | |\n| | note | b | See [1] | |")
    )
    assert [(f.code, f.where) for f in findings] == [
        ("label.placeholder", "small: survey row 3 (a), column label::English (en)")
    ]


def test_the_short_set_on_functioning_cannot_be_used_before_its_wording_is_loaded(form: Form) -> None:  # 14
    table = [
        ["type", "name", "label::English (en)", "label::Tiếng Việt (vi)", "codebook::sensitivity"],
        ["text", "case_id", "Case", "Mã", "identifying"],
        ["include", "wg_ss", "", "", ""],
    ]
    whole = write_out({"survey": table, "settings": [["form_id"], ["small"]]})
    findings = lint(Instrument.from_sheets(whole.sheets, whole.places))
    assert codes(findings) == ["label.placeholder"] * 12


FAULTY = """
| survey  | type                 | name    | label::English (en) | label::Tiếng Việt (vi) | relevant | repeat_count | constraint | codebook::type | codebook::sensitivity | codebook::preload | save_to |
|         | text                 | a       | Name ${{gone}}      | Tên                    | now() > 1 |             |            |                |                       |                   |         |
|         | integer              | using   | In the last 7 days? | Trong 30 ngày qua?     |          |              | . = -98    |                |                       |                   |         |
|         | select_one yn        | {long}  | Do you?             |                        |          |              |            |                |                       | proactive         |         |
|         | select_one none      | q       | Again?              | Lại?                   |          |              |            |                | secret                | independent from last_q |   |
|         | begin_repeat         | each    | Each                | Mỗi                    |          | ${{using}}   |            |                |                       |                   |         |
|         | text                 | phone   | Your telephone      | Điện thoại             |          |              |            |                |                       |                   |         |
|         | end_repeat           |         |                     |                        |          |              |            |                |                       |                   |         |
|         | calculate            | sum     |                     |                        |          |              |            |                |                       |                   |         |
| choices | list_name | name | label::English (en) | label::Tiếng Việt (vi) | missing |
|         | yn        | 1    | Yes                 | Có                     |         |
|         | yn        | 0    | No                  | Có                     |         |
|         | yn        | 99   | No answer           | Không trả lời          |         |
|         | idle      | 1    | Yes                 | Có                     |         |
"""  # noqa: E501


def test_every_finding_says_where_and_what_to_do(form: Form) -> None:  # 15
    found = lint(form(FAULTY.format(long="x" * 33)))
    assert {finding.code for finding in found} == {
        *("translation.missing", "name.reserved", "name.too_long", "missing.reason", "identifier.unflagged"),
        *("identifier.free_text", "key.missing", "time.clock", "repeat.unguarded", "codebook.type"),
        *("codebook.sensitivity", "codebook.unit", "list.unused", "reference.broken", "reference.list"),
        *("preload.absent", "preload.independent", "drift.number", "drift.same_label", "drift.reference"),
    }
    for finding in found:
        assert re.fullmatch(r"small: (survey|choices)( row \d+ \(.*\))?, column \S.*", finding.where), finding
        cure = re.search(r"[;,:] \S.*[.…]$", finding.message)
        assert cure is not None, finding.message


def test_asked_again_lint_says_the_same_and_notices_what_changed(form: Form) -> None:
    assert lint_again(form(f"{HEAD}\n{CASE}")) == []
    faulty = f"{HEAD}\n{CASE}\n| | text | double | Word | |"
    assert list(lint_again(form(faulty))) == lint(form(faulty)) != []
    assert lint_again(form(faulty)) is lint_again(form(faulty))
