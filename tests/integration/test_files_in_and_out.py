"""Files through the whole suite: good rows go in, bad ones are told, and all of it can be taken back."""

from __future__ import annotations

import csv
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from testkit import wait_until

pytestmark = pytest.mark.timeout(300)

_SYLLABLES = "云川岳岚霖沐泽焕烁炎桦槐榆枫杉柏桐柳梅兰竹菊荷莲萍芦蒲苇"


def a_company() -> str:
    """A name that resembles no other."""
    return "".join(random.sample(_SYLLABLES, 6)) + "有限公司"


def customers_of(suite: Any, name: str) -> list[dict[str, Any]]:
    found = suite.admin.get("/v1/customers", query=name).get("customers", [])
    return [c for c in found if c["name"] == name]


@pytest.mark.feature("CUS-24", "CUS-25")
def test_good_rows_of_a_gbk_file_go_in_bad_ones_are_reported_and_all_is_taken_back(suite: Any, tmp_path: Path) -> None:
    good, second, bad = a_company(), a_company(), a_company()
    path = tmp_path / "客户.csv"
    text = f"客户名称;电话;备注\r\n{good};010-62345678;好\r\n{bad};010-62345679;=1+1\r\n{second};;{'长' * 100_000}\r\n"
    path.write_bytes(text.encode("gb18030"))
    report = tmp_path / "report.csv"
    done = suite.headwater("import", "customers", str(path), "--report", str(report), ok=(1,))
    assert "customers: 1 created" in done.stdout
    assert customers_of(suite, good)
    assert not customers_of(suite, bad)
    with report.open(encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    assert {(row[1], row[2]) for row in rows[1:] if row[6].startswith("yes")} == {("3", "备注"), ("4", "备注")}
    assert not any(cell.startswith("=") for row in rows for cell in row)

    text = text.replace("=1+1", "two").replace("长" * 100_000, "短")
    path.write_bytes(text.encode("gb18030"))
    mended = suite.headwater("import", "customers", str(path), "--report", str(report), ok=(0, 1))
    assert "2 created" in mended.stdout
    assert len(customers_of(suite, good)) == 1

    for words in (done.stdout, mended.stdout):
        suite.headwater("import", "--revert", words.rpartition("--revert ")[2].split()[0])
    for name in (good, bad, second):
        assert all(c["status"] == "CUSTOMER_STATUS_ARCHIVED" for c in customers_of(suite, name))


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.csv", "is empty"),
        (b"PK\x03\x04 not really", "a.xlsx", "no workbook"),
        ("Zoë;Müller\nß;ä\n".encode("latin-1"), "a.csv", "--encoding"),
        (b"phone,mail\n1,2\n", "a.csv", "no column fills"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_way_out_and_changes_nothing(
    suite: Any, tmp_path: Path, content: bytes, name: str, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    done = suite.headwater("import", "customers", str(path), ok=(2,))
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_check_changes_nothing(suite: Any, tmp_path: Path) -> None:
    name = a_company()
    path = tmp_path / "a.csv"
    path.write_text(f"name,phone\n{name},13912345678\n", encoding="utf-8")
    done = suite.headwater("import", "customers", str(path), "--check")
    assert "nothing was changed" in done.stdout
    assert not customers_of(suite, name)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_an_exported_list_reads_back_as_it_was(suite: Any, tmp_path: Path, suffix: str) -> None:
    from headwater.importing.reading import read

    name = "=" + a_company()
    suite.admin.post("/v1/customers", {"profile": {"name": name.removeprefix("=")}, "allow_duplicates": True})
    wait_until(lambda: customers_of(suite, name.removeprefix("=")))
    out = tmp_path / f"customers{suffix}"
    suite.headwater("export", "customers", "--out", str(out))
    table = read(out)
    assert name.removeprefix("=") in {line.cells["name"] for line in table.lines}
    assert {"customer_id", "name", "status"} <= set(table.columns)


@pytest.mark.feature("NFR-24")
def test_a_fiscal_year_is_one_file_for_the_auditor_that_says_when_it_was_touched(suite: Any, tmp_path: Path) -> None:
    line = {"product_name": "泵", "quantity": "3", "unit_price": {"minor_units": 1_000, "currency_code": "CNY"}}
    customer = suite.admin.post("/v1/customers", {"kind": "CUSTOMER_KIND_COMPANY", "profile": {"name": a_company()}})
    order = suite.admin.post("/v1/orders", {"customer_id": customer["customer_id"], "lines": [line]})
    suite.admin.post(f"/v1/orders/{order['order_id']}:confirm", {})
    (voucher,) = suite.admin.get("/v1/vouchers", customer_id=customer["customer_id"])["vouchers"]
    year = voucher["fiscal_year"]
    assert voucher["free_on"] == f"{year + 11}-01-01"

    package = tmp_path / "year.zip"
    suite.headwater("vouchers", str(year), "--out", str(package))
    genuine = suite.headwater("vouchers", "--check", str(package))
    assert "genuine" in genuine.stdout
    assert "× order" in genuine.stdout
    key = suite.admin.get("/v1/voucher-rules")["package_key"]
    suite.headwater("vouchers", "--check", str(package), "--key", key)
    suite.headwater("vouchers", "--check", str(package), "--key", "another", ok=(1,))
    with zipfile.ZipFile(package) as archive:
        assert order["number"] in archive.read("vouchers.csv").decode("utf-8-sig")
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("more.csv", "1")
    assert "NOT genuine" in suite.headwater("vouchers", "--check", str(package), ok=(1,)).stderr
