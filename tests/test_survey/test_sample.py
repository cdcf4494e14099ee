"""Sample lists come in from files.

1. A .csv in UTF-8 with or without its mark, in UTF-16 or in what the mapping says, with comma, semicolon or
tab, and an .xlsx give the same people; Vietnamese comes out composed. 2. A mapping names columns, joins them,
sets constants and translates codes; a wrong one is said by its key. 3. A bad row is a finding by row and
column and is left out, and no finding says what stands there. 4. Who stands there twice is left out, by case
number or by name and phone; a shared phone and a name nearly the same are notes. 5. A second import adds
nothing; a corrected row shows before and after and is kept, on SQLite and PostgreSQL; names and phones only
as changed. 6. What an interview has told since no list overrides. 7. A refreshment sample has its name and
its own wave 0. 8. An export holds names only when asked, and then for its owner alone.
"""

import stat
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session, select

from instruments.plan import load_plan
from instruments.sheets import read_workbook, write_xlsx
from survey import cases
from survey.cases import Baseline, Details, Facts, Sampled
from survey.errors import SurveyError
from survey.models import Case, CaseChange, Contact, Planned
from survey.sample import duplicates, export, intake, register
from survey.sample.mapping import FieldMap, load_map
from survey.sample.reading import Listed, read_people
from survey.sample.tables import read_listing

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MARCH = date(2026, 3, 2)
PLAN = load_plan()
SAMPLE = """\
case_id,name,phone,commune,frame_src,psu_code,stratum,incl_prob,returned,gender
VN-0001,Lê Văn Tám,0912000111,17215,1,NA-01,rural,0.25,2026-01,nam
VN-0002,Trần Thị Hoa,84912000222,17215,1,NA-02,urban,"0,5",,Nữ
"""
THEIRS = """\
sheet = "Danh sách"
header = 2
[columns]
case_id = "Mã số"
name = ["Họ và tên đệm", "Tên"]
phone = "SĐT"
returned = "Về nước"
frame_src = "Nguồn"
gender = "Giới"
[constants]
psu_code = "NA-01"
[codes.frame_src]
"Công ty phái cử" = "2"
"""
ROWS = [
    ["Danh sách mẫu 2026", "", "", "", "", "", ""],
    ["STT", "Mã số", "Họ và tên đệm", "Tên", "SĐT", "Về nước", "Nguồn", "Giới"],
    ["1", "VN-0001", "Lê Văn", "Tám", "912000111", "01/2026", "Công ty  phái cử", "Nam"],
    ["", "", "", "", "", "", "", ""],
    ["2", "VN-0002", "Trần Thị", "Hoa", "091 200 0222", "2026-02-15", "công ty phái cử", "nữ"],
]


def listing(tmp_path, text: str = SAMPLE, name: str = "sample.csv", encoding: str = "utf-8"):
    file = tmp_path / name
    file.write_bytes(text.encode(encoding))
    return file


def people(file, mapping: FieldMap | None = None) -> list[Sampled]:
    mapping = mapping or FieldMap()
    read = read_people(read_listing(file, mapping), mapping)
    assert read.findings == ()
    return [person for _, person in read.people]


def take(session: Session, file, *, issued: date = MARCH, sample: str = "") -> intake.Intake:
    read = intake.read_intake(session, file, issued=issued, sample=sample)
    intake.take_in(session, read, PLAN, seed=7, now=NOW, issued=issued, source=file.name)
    session.commit()
    return read


def codes(findings) -> list[tuple[str, str]]:
    return [(f.code, f.where) for f in findings]


def test_a_list_is_read_with_names_apart_from_the_sample(tmp_path):
    first, second = people(listing(tmp_path))
    assert first == Sampled(
        "VN-0001", "1", "NA-01", "rural", 0.25, date(2026, 1, 1), "Lê Văn Tám", "+84912000111", "17215", "m"
    )
    assert (second.returned, second.incl_prob, second.gender, second.phone) == (
        None,
        0.5,
        "f",
        "+84912000222",
    )
    assert "Tám" not in repr(first)
    assert "912000" not in repr(first)
    assert "17215" not in repr(first)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_encodings_and_delimiters_make_no_difference(tmp_path, encoding, delimiter):
    text = SAMPLE.replace('"0,5"', "0.5").replace(",", delimiter)
    assert people(listing(tmp_path, text, encoding=encoding)) == people(listing(tmp_path))


def test_an_encoding_that_is_not_unicode_is_named_in_the_mapping(tmp_path):
    text = "case_id,name\nVN-0001,Lê Tam\n"
    file = listing(tmp_path, text, encoding="cp1258")
    with pytest.raises(SurveyError, match="CSV UTF-8"):
        read_listing(file, FieldMap())
    (person,) = people(file, FieldMap(encoding="cp1258"))
    assert person.name == "Lê Tam"


def test_vietnamese_typed_in_pieces_comes_out_composed(tmp_path):
    decomposed = unicodedata.normalize("NFD", SAMPLE)
    assert decomposed != SAMPLE
    assert people(listing(tmp_path, decomposed)) == people(listing(tmp_path))


def test_a_workbook_and_a_csv_with_the_same_rows_give_the_same_people(tmp_path):
    own = tmp_path / "map.toml"
    own.write_text(THEIRS, encoding="utf-8")
    mapping = load_map(own)
    book = tmp_path / "list.xlsx"
    book.write_bytes(write_xlsx({"Bìa": [["x"]], "Danh sách": ROWS}))
    text = "\n".join(";".join(row) for row in ROWS)
    first, second = people(book, mapping)
    assert [first, second] == people(listing(tmp_path, text), mapping)
    assert (first.name, first.phone, first.returned) == ("Lê Văn Tám", "+84912000111", date(2026, 1, 1))
    assert (second.frame_src, second.psu_code, second.gender) == ("2", "NA-01", "f")
    assert second.returned == date(2026, 2, 1)


def test_a_finding_names_the_row_of_the_file_also_below_headings_and_blank_rows(tmp_path):
    own = tmp_path / "map.toml"
    own.write_text(THEIRS, encoding="utf-8")
    rows = [*ROWS, ["3", "vn 3", "A", "B", "", "", "", ""]]
    book = tmp_path / "list.xlsx"
    book.write_bytes(write_xlsx({"Danh sách": rows}))
    read = read_people(read_listing(book, load_map(own)), load_map(own))
    assert codes(read.findings) == [("sample.case_id", "row 6, column case_id")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colums = 1", "known are sheet"),
        ('[columns]\ncase = "x"', "columns.case"),
        ('[columns]\nname = "Tên"', "which column is case_id"),
        ("header = 0", "from 1"),
        ('encoding = "klingon"', "cp1258"),
        ("[columns", "TOML"),
        ('codes = "x"', r"\[codes\]"),
    ],
)
def test_a_wrong_mapping_is_said_by_its_key(tmp_path, text, says):
    file = tmp_path / "map.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SurveyError, match=says):
        load_map(file)


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("vn 1,A,,,1,P,r,0.5,,", "sample.case_id", "case_id"),
        ("VN-0009,A,,,1,P,r,1.5,,", "sample.incl_prob", "incl_prob"),
        ("VN-0009,A,,,1,P,r,half,,", "sample.incl_prob", "incl_prob"),
        ("VN-0009,A,,,1,P,r,0.5,March,", "sample.month", "returned"),
        ("VN-0009,A,,,1,P,r,0.5,2026-13,", "sample.month", "returned"),
        ("VN-0009,A,,,9,P,r,0.5,,", "sample.frame", "frame_src"),
        ("VN-0009,A,,,6,P,r,0.5,,", "sample.frame", "frame_src"),
        ("VN-0009,A,,,1,P,r,0.5,,x", "sample.gender", "gender"),
    ],
)
def test_a_bad_row_is_a_finding_by_row_and_column_and_the_others_come_in(tmp_path, row, code, column):
    read = read_people(read_listing(listing(tmp_path, SAMPLE + row), FieldMap()), FieldMap())
    assert [person.case_id for _, person in read.people] == ["VN-0001", "VN-0002"]
    assert codes(read.findings) == [(code, f"row 4, column {column}")]
    assert not any(part in read.findings[0].message for part in row.split(",") if len(part) > 3)


def test_a_phone_that_is_none_is_left_blank_with_a_warning(tmp_path):
    text = SAMPLE + "VN-0003,A,12ab,,1,P,r,0.5,,"
    read = read_people(read_listing(listing(tmp_path, text), FieldMap()), FieldMap())
    assert read.people[-1].person.phone == ""
    assert [(f.level, f.code, f.where) for f in read.findings] == [
        ("warning", "sample.phone", "row 4, column phone")
    ]
    assert "12ab" not in read.findings[0].message


def test_a_list_without_case_numbers_is_one_finding(tmp_path):
    read = read_people(read_listing(listing(tmp_path, "name\nA\n"), FieldMap()), FieldMap())
    assert (read.people, codes(read.findings)) == ((), [("sample.columns", "row 1")])


def test_a_heading_that_stands_twice_or_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(SurveyError, match="twice"):
        read_listing(listing(tmp_path, "case_id,name,name\n"), FieldMap())
    with pytest.raises(SurveyError, match=r"\.xlsx or a \.csv"):
        read_listing(listing(tmp_path, SAMPLE, "sample.ods"), FieldMap())
    book = tmp_path / "list.xlsx"
    book.write_bytes(write_xlsx({"one": [["case_id"]]}))
    with pytest.raises(SurveyError, match="no sheet"):
        read_listing(book, FieldMap(sheet="two"))


def person(number: int, name: str = "", phone: str = "", psu: str = "NA-01") -> Sampled:
    return Sampled(f"VN-{number:04d}", psu_code=psu, name=name, phone=phone)


def twins(*listed: Sampled, known: tuple[Sampled, ...] = ()):
    rows = [Listed(row, one) for row, one in enumerate(listed, start=2)]
    kept, findings = duplicates.without_twins(rows, known)
    return [row for row, _ in kept], [(f.level, f.code, f.where) for f in findings]


def test_a_case_number_that_stands_twice_is_left_out_the_second_time():
    rows, found = twins(person(1), person(2), person(1))
    assert rows == [2, 3]
    assert found == [("error", "sample.twice", "row 4, column case_id")]


def test_the_same_name_and_phone_is_the_same_person_in_the_list_and_among_the_cases():
    tam = person(1, "Lê Văn Tám", "+84912000111")
    again = replace(tam, case_id="VN-0002", name="lê văn tám", psu_code="HT-01")
    assert twins(tam, again) == ([2], [("error", "sample.same_person", "row 3")])
    assert twins(again, known=(tam,)) == ([], [("error", "sample.same_person", "row 2")])
    assert twins(tam, known=(tam,)) == ([2], [])


def test_a_shared_phone_is_a_note_and_both_stay():
    rows, found = twins(person(1, "Lê Văn Tám", "+84912000111"), person(2, "Đỗ Thị Hoa", "+84912000111"))
    assert rows == [2, 3]
    assert found == [("note", "sample.same_phone", "row 3, column phone")]


@pytest.mark.parametrize(
    ("other", "psu", "noted"),
    [
        ("Le Van Tam", "NA-01", True),
        ("Tám Lê Văn", "NA-01", True),
        ("Lê Văn Tâm", "NA-01", True),
        ("Lê Văn Tams", "NA-01", True),
        ("Lê Văn Tám", "HT-01", False),
        ("Phạm Quốc Bình", "NA-01", False),
    ],
)
def test_a_name_nearly_the_same_in_the_same_area_is_a_note(other, psu, noted):
    rows, found = twins(person(1, "Lê Văn Tám", "+84912000111"), person(2, other, "+84987000222", psu))
    assert rows == [2, 3]
    assert found == ([("note", "sample.near_name", "row 3, column name")] if noted else [])


def test_importing_twice_adds_nothing_and_says_so(each_engine, tmp_path):
    file = listing(tmp_path)
    with Session(each_engine) as session:
        first = take(session, file)
        assert (len(first.new), first.changes, first.same) == (2, (), 0)
        assert session.get(Contact, "VN-0001").listed_phone == "+84912000111"
        again = take(session, file)
        assert (again.new, again.changes, again.same, again.findings) == ((), (), 2, ())
        assert len(session.exec(select(Planned)).all()) == 2
        assert len(session.exec(select(Case)).all()) == 2


def test_a_corrected_row_shows_before_and_after_and_is_kept(each_engine, tmp_path):
    with Session(each_engine) as session:
        take(session, listing(tmp_path))
        better = SAMPLE.replace("NA-01,rural,0.25,2026-01", "NA-03,rural,0.125,2025-12")
        told = take(session, listing(tmp_path, better))
        assert [(c.row, c.variable, c.before, c.after) for c in told.changes] == [
            (2, "psu_code", "NA-01", "NA-03"),
            (2, "incl_prob", "0.25", "0.125"),
            (2, "returned", "2026-01", "2025-12"),
        ]
        case = session.exec(select(Case).where(Case.case_id == "VN-0001")).one()
        assert (case.psu_code, case.incl_prob, case.returned_on) == ("NA-03", 0.125, date(2025, 12, 1))
        first = intake.history(session, "VN-0001")[0]
        assert (first.variable, first.after, first.source) == ("psu_code", "NA-03", "sample.csv, row 2")
        assert take(session, listing(tmp_path, better)).same == 2


def test_of_names_and_phones_only_that_they_changed_is_shown_and_kept(session, tmp_path):
    take(session, listing(tmp_path))
    better = SAMPLE.replace("Tám", "Tâm").replace("0912000111", "0912000999").replace("17215", "17216", 1)
    told = take(session, listing(tmp_path, better))
    assert [(c.variable, c.before, c.after) for c in told.changes] == [
        ("name", "", ""),
        ("phone", "", ""),
        ("commune", "", ""),
    ]
    assert {(row.before, row.after) for row in session.exec(select(CaseChange))} == {("", "")}
    contact = session.get(Contact, "VN-0001")
    assert (contact.name, contact.phone1, contact.commune) == ("Lê Văn Tâm", "+84912000999", "17216")


def test_a_blank_cell_takes_nothing_away(session, tmp_path):
    take(session, listing(tmp_path))
    told = take(session, listing(tmp_path, "case_id,name\nVN-0001,\n"))
    assert (told.changes, told.same) == ((), 1)


def test_what_an_interview_has_told_no_list_overrides(session, tmp_path):
    take(session, listing(tmp_path))
    entity = "00000000-0000-4000-8000-000000000001"
    baseline = Baseline("VN-0001", "uuid:1", date(2026, 3, 5), date(2025, 11, 1), "NA1", entity, gender="f")
    details = Details("VN-0001", "2026-03-05", phone1="0977000000")
    facts = Facts(baselines=(baseline,), details=(details,))
    cases.settle(session, facts, PLAN, now=NOW, today=date(2026, 3, 6))
    assert take(session, listing(tmp_path)).same == 2
    take(session, listing(tmp_path, SAMPLE.replace("0912000111", "0912000999")))
    contact = session.get(Contact, "VN-0001")
    assert (contact.phone1, contact.listed_phone) == ("0977000000", "+84912000999")
    case = session.exec(select(Case).where(Case.case_id == "VN-0001")).one()
    assert (case.returned_on, case.gender) == (date(2025, 11, 1), "f")


def test_a_refreshment_sample_has_its_name_and_its_own_wave_0(session, tmp_path):
    take(session, listing(tmp_path))
    later = date(2027, 5, 3)
    fresh = "case_id,frame_src\nVN-1001,8\nVN-1002,8\n"
    take(session, listing(tmp_path, fresh), issued=later)
    named = listing(tmp_path, "case_id,frame_src\nVN-2001,8\n")
    take(session, named, issued=later, sample="Hà Tĩnh 2027")
    samples = dict(session.exec(select(Case.case_id, Case.sample)).all())
    assert samples["VN-0001"] == ""
    assert samples["VN-1001"] == samples["VN-1002"] == "refreshment 2027-05"
    assert samples["VN-2001"] == "Hà Tĩnh 2027"
    opens = session.exec(select(Planned.opens).where(Planned.case_id == "VN-1001")).all()
    assert opens == [later]


def test_every_spelling_of_a_listed_phone_is_kept_out_of_releases(session, tmp_path):
    take(session, listing(tmp_path))
    assert {"+84912000111", "0912000111", "84912000111", "Lê Văn Tám"} <= cases.secrets(session)


def test_an_export_holds_names_only_when_asked_and_then_for_its_owner_alone(session, tmp_path):
    take(session, listing(tmp_path))
    cases.add_enumerator(session, "E1")
    cases.settle(session, Facts(), PLAN, now=NOW, today=MARCH)
    plain, private = tmp_path / "cases.csv", tmp_path / "e1.xlsx"
    export.write(export.rows(session), plain, private=False)
    export.write(export.rows(session, contacts=True, enumerator="E1"), private, private=True)
    text = plain.read_text(encoding="utf-8-sig")
    assert text.splitlines()[1].startswith("VN-0001,P")
    assert "Tám" not in text
    assert "912000111" not in text
    table = read_workbook(private)["cases"]
    assert dict(zip(table[0], table[1], strict=True))["name"] == "Lê Văn Tám"
    assert dict(zip(table[0], table[2], strict=True))["enumerator"] == "E1"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert export.rows(session, enumerator="E9") == []
    with pytest.raises(SurveyError, match="export"):
        export.write([], tmp_path / "cases.pdf", private=False)


def test_an_export_can_be_imported_and_says_nothing_new(session, tmp_path):
    take(session, listing(tmp_path))
    file = tmp_path / "out.csv"
    export.write(export.rows(session, contacts=True), file, private=True)
    file.write_text(file.read_text(encoding="utf-8-sig").replace("returned_on", "returned"), encoding="utf-8")
    assert take(session, file).same == 2
    assert [one.case_id for one in register.listed(session)] == ["VN-0001", "VN-0002"]
