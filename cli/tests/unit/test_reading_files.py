"""Files as people have them: every one is read right, or refused with the place and the way out."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from headwater.importing.mapping import MappingWrong, apply, check_mapping, guess
from headwater.importing.plan import Plan
from headwater.importing.reading import Unreadable, read
from testkit.real_data import folder_of


def file(tmp_path: Path, content: str | bytes, name: str = "some.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.feature("CUS-24")
def test_any_encoding_separator_and_line_end(tmp_path, separator, end, encoding):
    rows = [["公司名称", "电话"], ["北京华夏科技有限公司", "010-12345678"], ["上海一二三", "13812345678"]]
    text = end.join(separator.join(row) for row in rows) + end
    table = read(file(tmp_path, text.encode(encoding)))
    assert table.columns == rows[0]
    assert [list(line.cells.values()) for line in table.lines] == rows[1:]
    assert [line.number for line in table.lines] == [2, 3]


def test_a_quoted_line_break_does_not_confuse_the_line_numbers(tmp_path):
    table = read(file(tmp_path, 'name,remark\nA,"one\ntwo"\nB,x\n'))
    assert [(line.number, line.cells["name"]) for line in table.lines] == [(2, "A"), (4, "B")]


def workbook(cells) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in cells:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.feature("CUS-24")
def test_a_workbook_is_read_by_what_it_is_not_by_its_name(tmp_path):
    import datetime

    raw = workbook([["name", "since", "n"], ["甲公司", datetime.date(2026, 1, 31), 3.0], [None, None, None]])
    table = read(file(tmp_path, raw, "odd.csv"))
    assert [line.cells for line in table.lines] == [{"name": "甲公司", "since": "2026-01-31", "n": "3"}]


def test_a_formula_without_a_stored_result_keeps_its_row_out(tmp_path):
    table = read(file(tmp_path, workbook([["name", "n"], ["A", "=1+1"], ["B", 2]]), "f.xlsx"))
    assert [line.cells["name"] for line in table.lines] == ["B"]
    [trouble] = table.troubles
    assert (trouble.line, trouble.column) == (2, "n")
    assert "formula" in trouble.wrong


def test_json_lists_and_records_are_read(tmp_path):
    rows = [{"name": "A", "address": {"city": "Köln"}, "tags": ["x", "y"]}, {"name": "B"}]
    for content in (rows, {"records": rows}):
        table = read(file(tmp_path, json.dumps(content), "a.json"))
        assert table.lines[0].cells == {"name": "A", "address.city": "Köln", "tags": "x; y"}
        assert table.lines[1].cells["address.city"] == ""


def not_a_workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "hello")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.csv", "is empty"),
        (b"  \n \n", "a.csv", "nothing but blanks"),
        (not_a_workbook(), "a.xlsx", "no workbook"),
        (b"name\nx\n", "a.xlsx", "no workbook"),
        (bytes(range(1, 256)) * 40, "a.csv", "neither UTF-8 nor GBK"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.csv", "neither UTF-8 nor GBK"),
        ("Zoë;Müller;François\nß;ä;ö\n".encode("latin-1"), "a.csv", "--encoding"),
        (b'name,remark\nA,"never closed\nB,x\n', "a.csv", "quote"),
        (b'{"a": 1}', "a.json", "a list of objects"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "a.xls", "old .xls"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path, content, name, words):
    with pytest.raises(Unreadable, match=words):
        read(file(tmp_path, content, name))


def test_a_wrong_encoding_named_by_the_user_names_the_line(tmp_path):
    with pytest.raises(Unreadable, match="line 2"):
        read(file(tmp_path, "name\n张伟\n"), encoding="ascii")


@pytest.mark.feature("CUS-25")
def test_a_cell_of_a_megabyte_and_a_ragged_row_keep_only_their_rows_out(tmp_path):
    text = f"name,remark\nA,{'x' * 1_000_000}\nB,y,z\nC,fine\n"
    table = read(file(tmp_path, text))
    assert [line.cells["name"] for line in table.lines] == ["C"]
    assert {(t.line, t.column) for t in table.troubles} == {(2, "remark"), (3, "")}
    assert all(len(t.value) < 100 for t in table.troubles)


def test_repeated_and_empty_headings_get_names_of_their_own(tmp_path):
    assert read(file(tmp_path, "a,a,,b\n1,2,3,4\n")).columns == ["a", "a (2)", "column 3", "b"]


# -- mapping --------------------------------------------------------------------------


@pytest.mark.feature("CUS-24")
def test_columns_are_guessed_in_chinese_and_english(tmp_path):
    table = read(file(tmp_path, "客户名称,联系电话,联系人,手机,备注,内部编码\n甲,010-1,王,138,好,Z9\n"))
    mapping = guess("customers", table)
    assert mapping.columns == {
        "客户名称": "profile.name",
        "联系电话": "profile.phones",
        "联系人": "contacts.0.name",
        "手机": "contacts.0.phones",
        "备注": "profile.remark",
        "内部编码": "custom",
    }
    plan = Plan("customers", "f")
    apply(plan, mapping, table)
    [row] = plan.step("customers").rows
    assert row.body["profile"]["custom_fields"] == {"内部编码": "Z9"}
    assert row.body["contacts"] == [{"name": "王", "phones": ["138"], "is_primary": True}]


def test_a_missing_column_is_named_with_the_way_out(tmp_path):
    table = read(file(tmp_path, "phone,mail\n1,2\n"))
    with pytest.raises(MappingWrong, match=r"profile\.name.*--mapping"):
        check_mapping(guess("customers", table), table)


@pytest.mark.feature("CUS-25")
def test_good_rows_stay_when_bad_ones_are_reported_by_line_and_column(tmp_path):
    table = read(
        file(
            tmp_path,
            "name,amount,opened\n"
            "good,1200.50,2026-02-28\n"
            "negative,-5,2026-02-28\n"
            "no such day,5,2026-02-30\n"
            "=HYPERLINK(1),5,2026-02-28\n"
            "words,many,2026-02-28\n",
        )
    )
    plan = Plan("opportunities", "f")
    apply(plan, guess("opportunities", table, "EUR"), table)
    [row] = plan.step("opportunities").rows
    assert row.body["amount"] == {"minor_units": "120050", "currency_code": "EUR"}
    assert row.body["opened_at"] == "2026-02-28T00:00:00Z"
    assert [(p.line, p.column) for p in plan.problems] == [
        (3, "amount"),
        (4, "opened"),
        (5, "name"),
        (6, "amount"),
    ]
    assert all(p.wrong and p.mend for p in plan.problems)


def test_dates_that_fit_two_spellings_are_asked_for_never_guessed(tmp_path):
    table = read(file(tmp_path, "title,opened\nA,01/02/2026\nB,03/04/2026\n"))
    with pytest.raises(MappingWrong, match="--dates dmy or --dates mdy"):
        check_mapping(guess("opportunities", table), table)
    for told, day in (("dmy", "2026-02-01"), ("mdy", "2026-01-02")):
        plan = Plan("opportunities", "f")
        apply(plan, guess("opportunities", table, dates=told), table)
        assert plan.step("opportunities").rows[0].body["opened_at"] == f"{day}T00:00:00Z"


def test_a_row_without_an_id_is_known_by_its_content_wherever_it_stands(tmp_path):
    def refs(text):
        plan = Plan("customers", "f")
        table = read(file(tmp_path, text))
        apply(plan, guess("customers", table), table)
        return {row.external_ref for row in plan.step("customers").rows}

    assert refs("name,phone\nA,1\nB,2\n") == refs("name,phone\nB,2\nA,1\n")
    assert len(refs("name,phone\nA,1\nA,2\n")) == 2


# -- real files ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["comma_in_quotes", "escaped_quotes", "json", "newlines", "newlines_crlf", "quotes_and_newlines", "simple", "utf8"],
)
def test_awkward_files_mean_what_their_json_says(name):
    folder = folder_of("csv_spectrum")
    table = read(folder / "csvs" / f"{name}.csv")
    expected = json.loads((folder / "json" / f"{name}.json").read_text())
    assert [{k: v.strip() for k, v in row.items()} for row in expected] == [line.cells for line in table.lines]


def test_a_gbk_file_of_listed_companies_keeps_names_and_leading_zeros():
    table = read(folder_of("cn_listed_companies") / "stock_basic_gbk.csv")
    assert "gb18030" in table.how
    assert len(table.lines) == 4347
    codes = [cell for line in table.lines for cell in line.cells.values() if cell.startswith("000001")]
    assert codes
    assert not any("\ufffd" in cell for line in table.lines for cell in line.cells.values())


def test_three_spellings_of_the_maven_deals_make_the_same_plan():
    from headwater.importing.presets import maven

    folder = folder_of("maven_crm")
    plain = maven.plan(folder, {})
    assert len(plain.step("opportunities").rows) == 8_800
    assert not any(p.fatal for p in plain.problems)
    for variant in ("mdy", "dmy_crlf"):
        other = maven.plan(folder, {"deals": folder / "locale_variants" / f"sales_pipeline_{variant}.csv"})
        assert [r.body for r in other.step("opportunities").rows] == [r.body for r in plain.step("opportunities").rows]
