"""DDI-Codebook 2.5.

1. A variable carries its labels, question text and hints per language, categories, missing codes with
   reason, who is asked, sensitivity, construct, derivation and waves.
2. Elements stand in the order of the schema; identifiers are unique, every reference leads somewhere.
3. The same entries give the same bytes; no date is in them.
4. The shipped codebook is valid by the DDI Alliance's own schema, where DDI_SCHEMA names its codebook.xsd.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from instruments.ddi import NAMESPACE, to_ddi
from instruments.dictionary import Entry, entries
from instruments.instrument import Instrument, forms, load
from instruments.plan import load_plan

ORDER = (
    "labl", "security", "qstn", "invalrng", "universe",
    "catgry", "concept", "derivation", "varFormat", "notes",
)  # fmt: skip
"""Those children of `var` that are written, in the order of the schema's `varType`."""

FORM = """
| survey |
| | type | name | label::English (en) | label::Tiếng Việt (vi) | hint::English (en) | relevant | calculation | codebook::type | codebook::unit | codebook::missing | codebook::sensitivity | codebook::source | codebook::module |
| | begin_group | mod_k | Money | Tiền bạc | | | | | | | | | money |
| | select_one yesno | owes | Do you owe? | Còn nợ không? | | | | | | | | | |
| | decimal | debt | How much? | Bao nhiêu? | In million | ${owes} = 1 | | | million VND | -98=dont_know -99=refused | sensitive | debt | |
| | end_group | | | | | | | | | | | | |
| | calculate | debt_y | | | | | ${debt} * 12 | decimal | million VND | | | | |
| choices |
| | list_name | name | label::English (en) | label::Tiếng Việt (vi) | missing |
| | yesno | 1 | Yes | Có | |
| | yesno | 98 | Don't know | Không biết | dont_know |
"""  # noqa: E501 – a table
NAMES = {"d": NAMESPACE, "xml": "http://www.w3.org/XML/1998/namespace"}


@pytest.fixture
def small(form: Callable[[str], Instrument]) -> etree._Element:
    return etree.fromstring(to_ddi(entries([form(FORM)], load_plan(), None), "Small <study>"))


@pytest.fixture(scope="module")
def shipped() -> bytes:
    return to_ddi(entries([load(name) for name in forms()], load_plan()))


def texts(root: etree._Element, path: str) -> list[str]:
    found = root.xpath(path, namespaces=NAMES)
    return [one if isinstance(one, str) else one.text for one in found]


# 1


def test_labels_and_question_text_stand_in_every_language(small: etree._Element) -> None:
    debt = "//d:var[@name='debt']"
    assert texts(small, f"{debt}/d:labl[@xml:lang='vi']") == ["Bao nhiêu?"]
    assert texts(small, f"{debt}/d:qstn/d:qstnLit/@xml:lang") == ["en", "vi"]
    assert texts(small, f"{debt}/d:qstn/d:ivuInstr[@xml:lang='en']") == ["In million"]
    assert texts(small, f"{debt}/@measUnit") == ["million VND"]
    assert texts(small, f"{debt}/d:universe") == ["${owes} = 1"]
    assert texts(small, f"{debt}/d:security") == ["sensitive"]
    assert texts(small, f"{debt}/d:concept") == ["debt"]


def test_missing_codes_have_their_reason(small: etree._Element) -> None:
    assert texts(small, "//d:var[@name='debt']/d:invalrng/d:item/@VALUE") == ["-98", "-99"]
    assert texts(small, "//d:var[@name='debt']/d:invalrng/d:key") == ["dont_know", "refused"]
    owes = "//d:var[@name='owes']/d:catgry"
    assert texts(small, f"{owes}/d:catValu") == ["1", "98"]
    assert texts(small, f"{owes}[@missing='Y']/@missType") == ["dont_know"]
    assert texts(small, f"{owes}/d:labl[@xml:lang='vi']") == ["Có", "Không biết"]


def test_what_is_computed_says_from_what_and_asks_nothing(small: etree._Element) -> None:
    own = "//d:var[@name='debt_y']"
    assert texts(small, f"{own}/d:derivation/@var") == texts(small, "//d:var[@name='debt']/@ID")
    assert texts(small, f"{own}/d:derivation/d:drvcmd") == ["${debt} * 12"]
    assert texts(small, f"{own}/d:qstn") == []


def test_a_module_is_a_group_of_its_variables(small: etree._Element) -> None:
    ids = texts(small, "//d:var[@name='owes' or @name='debt']/@ID")
    assert texts(small, "//d:varGrp[@name='money']/@var") == [" ".join(ids)]
    assert texts(small, "//d:stdyDscr/d:citation/d:titlStmt/d:titl") == ["Small <study>"]


def test_signs_that_xml_cannot_hold_are_left_out() -> None:
    from instruments.codebook import Variable

    entry = Entry(Variable("a b", "f", label={"en": "bell\x07 rings"}))
    root = etree.fromstring(to_ddi([entry]))
    assert texts(root, "//d:var/d:labl") == ["bell rings"]
    assert texts(root, "//d:var/@ID") == ["V-f-a.32.b"]


# 2 and 3


def test_elements_are_in_order_and_references_lead_somewhere(shipped: bytes) -> None:
    root = etree.fromstring(shipped)
    assert [etree.QName(child).localname for child in root][:2] == ["docDscr", "stdyDscr"]
    for variable in root.iterfind(".//d:var", NAMES):
        places = [ORDER.index(etree.QName(child).localname) for child in variable]
        assert places == sorted(places), variable.get("name")
    ids = texts(root, "//@ID")
    assert len(ids) == len(set(ids))
    told = " ".join(texts(root, "//d:var/@files | //d:varGrp/@var | //d:derivation/@var")).split()
    assert set(told) <= set(ids)


def test_the_same_entries_give_the_same_bytes(shipped: bytes) -> None:
    assert to_ddi(entries([load(name) for name in forms()], load_plan())) == shipped
    assert b"date=" not in shipped


# 4


def test_the_shipped_codebook_is_valid_by_the_schema(shipped: bytes) -> None:
    named = os.environ.get("DDI_SCHEMA")
    if not named:
        pytest.skip(
            "DDI_SCHEMA names no codebook.xsd (DDI-Codebook 2.5, from ddialliance.org): not validated"
        )
    schema = etree.XMLSchema(etree.parse(Path(named)))
    assert schema.validate(etree.fromstring(shipped)), schema.error_log
