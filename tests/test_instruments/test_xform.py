"""Requirements.

1. Each form of the package builds without a warning and satisfies ODK Validate.
2. The version in XForm and .xlsx is the instrument's; codebook columns leave no trace in the XForm.
3. The .xlsx gives the same XForm as the sheets, and the same bytes twice.
4. What pyxform refuses becomes a finding with the row; what ODK Validate refuses becomes a finding.
5. No label of a built form is "-".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree
from pyxform.xls2xform import convert

from instruments.instrument import Instrument, forms, load
from instruments.sheets import read_xlsx
from instruments.xform import BuiltForm, FormError, build, validate

Form = Callable[[str], Instrument]
XFORM = {"x": "http://www.w3.org/2002/xforms"}


@pytest.fixture(scope="module", params=forms())
def built(request: pytest.FixtureRequest) -> BuiltForm:
    return build(load(request.param))


def test_the_forms_build_and_satisfy_odk_validate(built: BuiltForm) -> None:  # 1
    assert built.warnings == ()
    assert validate(built) == []


def test_the_version_is_the_instruments(built: BuiltForm) -> None:  # 2
    (root,) = etree.fromstring(built.xml.encode()).xpath("//x:model/x:instance[1]/*", namespaces=XFORM)
    assert (root.get("id"), root.get("version")) == (built.form_id, load(built.form_id).version)
    header, row = read_xlsx(built.xlsx)["settings"]
    assert dict(zip(header, row, strict=True))["version"] == built.version
    assert "codebook" not in built.xml


def test_excel_and_sheets_give_the_same_xform(built: BuiltForm) -> None:  # 3
    assert convert(built.xlsx, file_type=".xlsx", form_name="data").xform == built.xml
    assert build(load(built.form_id)).xlsx == built.xlsx


def test_no_translation_is_missing_on_the_tablet(built: BuiltForm) -> None:  # 5
    texts = etree.fromstring(built.xml.encode()).xpath("//x:text/x:value", namespaces=XFORM)
    assert len(texts) > 100
    assert [text for text in texts if (text.text or "").strip() == "-"] == []


def test_a_refusal_of_pyxform_becomes_a_finding_with_the_row(form: Form) -> None:  # 4
    with pytest.raises(FormError) as refused:
        build(form("| survey | type | name | label |\n| | text | a | A |\n| | note | b | ${zz} |"))
    (finding,) = refused.value.findings
    assert (finding.level, finding.code, finding.where) == ("error", "form.refused", "small: survey row 3")
    assert "zz" in finding.message
    assert "small" in str(refused.value)


def test_a_refusal_of_odk_validate_becomes_a_finding() -> None:  # 4
    good = build(load("rm_contact"))
    broken = replace(good, xml=good.xml.replace('ref="/data/mod_a/att_no"', 'ref="/data/no_such"', 1))
    assert [(finding.level, finding.code, finding.message) for finding in validate(broken)] == [
        ("error", "form.invalid", "ODK Validate: Question bound to non-existent node: [/data/no_such]")
    ]


def test_a_header_first_used_after_many_rows_is_not_lost(form: Form) -> None:
    rows = "\n".join(f"| | note | n{i} | N | |" for i in range(120))
    late = form(
        f"| survey | type | name | label | relevant |\n{rows}\n| | note | last | Last | ${{n1}} = '' |"
    )
    assert "relevant=" in build(late).xml
