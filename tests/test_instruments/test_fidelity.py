"""Whether decoding kept everything.

1. A submission that fits is without loss: numbers, dates, codes, texts, repeats; metadata do not count.
2. What decoding drops or changes is named by its place, and no answer is shown.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments.fidelity import losses
from instruments.instrument import Instrument

FORM = """
| survey |
| | type | name | label | codebook::sensitivity |
| | integer | age | Age | |
| | decimal | pay | Pay | |
| | date | born | Born | |
| | select_one yn | works | Works? | |
| | select_multiple yn | tools | Tools | |
| | text | remark | Remark | free_text |
| | begin_group | outer | Outer | |
| | begin_repeat | job | Job | |
| | text | title | Title | |
| | end_repeat | | | |
| | end_group | | | |
| choices |
| | list_name | name | label |
| | yn | 1 | Yes |
| | yn | 0 | No |
"""
GOOD = (
    "<age>31</age><pay>9.0E8</pay><born>1990-02-03</born><works>1</works><tools>1 0</tools>"
    "<remark> two  blanks </remark><outer><job><title>a</title></job><job><title/></job>"
    "<job><title>c</title></job></outer>"
    "<meta><instanceID>uuid:1</instanceID></meta>"
)


@pytest.fixture(scope="module")
def small(form: Callable[[str], Instrument]) -> Instrument:
    return form(FORM)


def told(small: Instrument, inside: str) -> list[str]:
    return losses(f'<data id="small" version="{small.version}">{inside}</data>', small)


def test_what_fits_is_kept(small: Instrument) -> None:  # 1
    assert told(small, GOOD) == []


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ("<works>7</works>", ["value.outside_list small/one/works", "works: in the XML alone"]),
        ("<age>many</age>", ["age: in the XML alone", "value.type small/one/age"]),
        ("<gone>1</gone>", ["gone: in the XML alone", "submission.unknown_variable small/one/gone"]),
        (
            "<outer><job><title>a</title><title>b</title></job></outer>",
            ["job[1]/title: another value than in the XML", "submission.repeated_variable small/one/title"],
        ),
    ],
)
def test_what_is_dropped_or_changed_is_named(small: Instrument, wrong: str, places: list[str]) -> None:  # 2
    assert told(small, wrong) == places
