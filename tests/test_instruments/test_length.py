"""Estimated minutes.

1. A question takes the standard time of its type, with a third for talk; notes and calculations take none.
2. A condition that is not known halves it, one that is not met leaves it out; the gate of a whole module
   counts as met unless the path says otherwise.
3. A repeat counts three times.
4. What follows from the answers of a path is worked out: calculations, and "" for what was not asked.
5. The shipped forms come to what the specification says: baseline about 42 minutes, follow-up about 25 for a
   person at home. Every path stands on questions and codes of its form.
6. A path over budget is a warning that names the longest module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from instruments.instrument import Instrument, forms, load
from instruments.length import lengths, minutes_of, over_budget, read_paths, total

TALK = 1.3
SPECIFIED = 3.5
"""Minutes around the specification's figure. It left out the texts for "other" and the confirmations of
unusual amounts, which are counted here with the half weight of whatever is asked of some only."""

FORM = """
| survey |
| | type | name | label | relevant | calculation | codebook::module |
| | begin_group | first | First | | | one |
| | select_one yn | works | Works? | | | |
| | integer | hours | Hours | ${works} = 1 | | |
| | note | thanks | Thanks | | | |
| | calculate | busy | | | if(${works} = 1, 1, 0) | |
| | end_group | | | | | |
| | begin_group | second | Second | ${busy} = 1 | | two |
| | begin_repeat | jobs | Jobs | | | |
| | text | job | Which? | | | |
| | end_repeat | | | | | |
| | select_multiple yn | tools | Tools | ${hours} > 10 | | |
| | end_group | | | | | |
| choices |
| | list_name | name | label |
| | yn | 1 | Yes |
| | yn | 0 | No |
"""


def seconds(form: Instrument, known: Mapping[str, str]) -> dict[str, float]:
    """Module → seconds without talk, on a path of these answers."""
    found = lengths(form, {"path": known})
    return {one.module: round(one.minutes * 60 / TALK) for one in found if one.path == "path"}


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({}, {"one": 7 + 4, "two": 3 * 12 + 7.5}),
        ({"works": "1"}, {"one": 7 + 8, "two": 3 * 12 + 7.5}),
        ({"works": "1", "hours": "40"}, {"one": 7 + 8, "two": 3 * 12 + 15}),
        ({"works": "0"}, {"one": 7}),
    ],
)
def test_seconds_by_module_on_a_path(form: Callable[[str], Instrument], known, told) -> None:  # 1 to 4
    assert seconds(form(FORM), known) == pytest.approx(told, abs=0.6)


def test_what_was_not_asked_is_empty_for_what_comes_after(form: Callable[[str], Instrument]) -> None:  # 4
    found = lengths(
        form(FORM.replace("${hours} > 10", "${hours} = ''")), {"path": {"works": "0", "busy": "1"}}
    )
    assert [one.questions for one in found if (one.path, one.module) == ("path", "two")] == [3 + 1]


def test_an_interview_that_was_held_is_timed_by_what_was_asked(form: Callable[[str], Instrument]) -> None:
    held = minutes_of(form(FORM), {"works": 1, "hours": 1, "job": 2, "thanks": 1, "busy": 1})
    assert held == pytest.approx((7 + 8 + 24) * TALK / 60, abs=0.01)


def test_the_shipped_forms_take_what_the_specification_says() -> None:  # 5
    paths = read_paths()
    assert total(lengths(load("rm_baseline"))) == pytest.approx(42, abs=SPECIFIED)
    followup = lengths(load("rm_followup"), paths["rm_followup"])
    for path in ("employed", "jobless", "own_use_farmer"):
        assert total(followup, path) == pytest.approx(25, abs=SPECIFIED)


def test_every_path_stands_on_questions_and_codes_of_its_form() -> None:  # 5
    paths = read_paths()
    assert set(paths) <= set(forms())
    for name, some in paths.items():
        form = load(name)
        for path, known in some.items():
            for question, answer in known.items():
                asked = form.question(question)
                assert asked is not None, f"{name}.{path}: {question}"
                codes = {choice.name for choice in form.choices(asked.list_name)}
                assert not codes or answer in codes, f"{name}.{path}: {question} = {answer}"


def test_a_path_over_budget_is_a_warning(form: Callable[[str], Instrument]) -> None:  # 6
    small = form(FORM)
    assert over_budget(small, {"works": {"works": "1"}}, budget=2) == []
    found = over_budget(small, {"none": {"works": "0"}}, budget=0.5)
    assert [(f.level, f.code, f.where) for f in found] == [("warning", "length.over_budget", "small")]
    assert "The path open takes about 1 minutes" in found[0].message
    assert "the longest module is two" in found[0].message


def test_no_shipped_path_is_over_an_hour() -> None:
    paths = read_paths()
    assert [f for name in forms() for f in over_budget(load(name), paths.get(name))] == []


def test_a_file_of_paths_that_says_something_else_is_refused(tmp_path: Path) -> None:
    assert read_paths(tmp_path) == {}
    (tmp_path / "paths.toml").write_text("rm_baseline = 3\n")
    with pytest.raises(ValueError, match=r"paths.toml: write \[form.path\]"):
        read_paths(tmp_path)
