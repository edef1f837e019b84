"""Customers in bulk: checked first, taken once, and taken back as a whole."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from crm.customer.v1 import customer_service_pb2 as pb

CREATED, SKIPPED, OVERWRITTEN, MERGED, REFUSED = 1, 2, 3, 4, 5
SKIP, OVERWRITE, MERGE, ANYWAY = 1, 2, 3, 4


def a_row(ref: str, name: str, **fields: Any) -> pb.ImportCustomerRow:
    row = pb.ImportCustomerRow(external_ref=ref, source="old-crm", profile=pb.Profile(name=name))
    for path, value in fields.items():
        target: Any = row.profile if path in pb.Profile.DESCRIPTOR.fields_by_name else row
        if isinstance(value, list):
            getattr(target, path).extend(value)
        else:
            setattr(target, path, value)
    return row


def sent(api: Any, import_id: str, rows: list[Any], **options: Any) -> list[Any]:
    request = pb.ImportCustomersRequest(import_id=import_id, rows=rows, **options)
    return list(api.ImportCustomers(request).results)


def outcomes(results: list[Any]) -> list[int]:
    return [result.outcome for result in results]


def by_name(api: Any) -> dict[str, Any]:
    return {c.name: c for c in api.ListCustomers(pb.ListCustomersRequest(page_size=500)).customers}


@pytest.mark.feature("CUS-24")
def test_the_template_names_its_columns_in_two_languages_and_opens_in_a_spreadsheet(running: Any) -> None:
    answer = running.ask().GetImportTemplate(pb.GetImportTemplateRequest())
    assert answer.csv.startswith(b"\xef\xbb\xbf")
    heading, example = list(csv.reader(io.StringIO(answer.csv.decode("utf-8-sig"))))
    assert len(heading) == len(example) == len(answer.columns)
    fields = {c.field for c in answer.columns}
    assert fields >= {"profile.name", "contacts[0].phones[0]", "profile.remark", "contacts[0].name"}
    assert any(field.startswith("profile.custom_fields.") for field in fields)
    assert {c.field for c in answer.columns if c.required} == {"external_ref", "profile.name"}


@pytest.mark.feature("CUS-24", "CUS-25")
def test_rows_are_cleaned_and_taken_once_with_their_dates(running: Any) -> None:
    api = running.ask()
    when = Timestamp()
    when.FromDatetime(datetime(2019, 3, 1, tzinfo=UTC))
    row = a_row("K-1", "  云杉 仪器  有限公司 ", industry_code="仪器仪表制造业", region_code="上海")
    row.profile.remark = "met at the fair"
    row.profile.custom_fields["Segment"] = "chips"
    row.registered_at.CopyFrom(when)
    row.tags.append("老客户")
    row.contacts.add(name=" 王小明 ", phones=["138-0013-8000"], emails=["Wang@Example.COM"])
    past = row.activities.add(kind=1, content="first call")
    past.happened_at.FromDatetime(datetime(2020, 1, 1, tzinfo=UTC))
    first = sent(api, "i-1", [row])
    assert outcomes(first) == [CREATED]
    again = sent(api, "i-1", [row])
    assert (outcomes(again), again[0].customer_id) == ([CREATED], first[0].customer_id)
    assert len(running.events("CustomerRegistered")) == 1
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=first[0].customer_id))
    assert got.card.name == "云杉 仪器 有限公司"
    assert (got.profile.industry_code, got.profile.region_code) == ("40", "31")
    assert (got.profile.remark, dict(got.profile.custom_fields)) == ("met at the fair", {"Segment": "chips"})
    assert got.card.registered_at == when
    contact = got.contacts[0]
    assert (contact.name, list(contact.phones)) == ("王小明", ["+8613800138000"])
    assert list(contact.emails) == ["wang@example.com"]
    entries = api.GetTimeline(pb.GetTimelineRequest(customer_id=first[0].customer_id)).entries
    assert entries[0].content == "first call"
    assert entries[-1].effective_at == when
    other = sent(api, "i-2", [row])  # another import of the same system: it is there already
    assert (outcomes(other), other[0].customer_id) == ([SKIPPED], first[0].customer_id)


@pytest.mark.feature("CUS-25", "CUS-16")
def test_the_pre_check_tells_each_rows_problems_and_changes_nothing(running: Any, company: Any) -> None:
    api = running.ask()
    api.RegisterCustomer(company(phones=["13800138000"]))
    rows = [
        a_row("1", "Good Company", phones=["+44 20 7946 0958"]),
        a_row("2", "", emails=["nobody"]),
        a_row("3", "Bad Phone Ltd", phones=["12"]),
        a_row("4", "Other Name", phones=["13800138000"]),
        a_row("5", "上海云杉仪器有限公司"),
        a_row("1", "Twice the same id"),
        a_row("6", "Good Company Limited"),
        a_row("", "Without an id"),
    ]
    results = sent(api, "i", rows, validate_only=True)
    assert outcomes(results) == [CREATED, REFUSED, REFUSED, SKIPPED, CREATED, REFUSED, SKIPPED, REFUSED]
    assert {p.field for p in results[1].problems} == {"profile.name", "profile.emails[0]"}
    assert [p.field for p in results[2].problems] == ["profile.phones[0]"]
    assert "area code" in results[2].problems[0].message
    assert list(results[3].candidates[0].matched_on) == ["phone"]
    assert not results[4].problems[0].fatal
    assert list(results[4].candidates[0].matched_on) == ["name"]
    assert results[5].problems[0].field == "external_ref"
    assert len(by_name(api)) == 1
    lenient = sent(api, "i", [rows[2]], keep_unreadable_phones=True)
    assert (outcomes(lenient), lenient[0].problems[0].fatal) == ([CREATED], False)
    card = by_name(api)["Bad Phone Ltd"]
    assert card.phone == "12"


@pytest.mark.feature("CUS-25")
def test_a_duplicate_is_skipped_overwritten_merged_or_created_as_the_policy_says(running: Any, company: Any) -> None:
    api = running.ask()
    known = api.RegisterCustomer(
        company("Alpha Ltd", website="old.example.com", phones=["13800138000"], tags=["a"])
    ).customer_id

    def row(ref: str) -> pb.ImportCustomerRow:
        made = a_row(ref, "Alpha Ltd", website="new.example.com", region_code="DE", tags=["b"])
        made.contacts.add(name="王小明")
        return made

    def profile() -> Any:
        return api.GetCustomer(pb.GetCustomerRequest(customer_id=known))

    assert outcomes(sent(api, "skip", [row("1")], policy=SKIP)) == [SKIPPED]
    assert profile().profile.website == "old.example.com"
    merged = sent(api, "merge", [row("1")], policy=MERGE)
    assert (outcomes(merged), merged[0].customer_id) == ([MERGED], known)
    got = profile()
    assert (got.profile.website, got.profile.region_code) == ("old.example.com", "DE")
    assert (list(got.card.tags), [c.name for c in got.contacts]) == (["a", "b"], ["王小明"])
    assert outcomes(sent(api, "over", [row("1")], policy=OVERWRITE)) == [OVERWRITTEN]
    got = profile()
    assert (got.profile.website, list(got.profile.phones)) == ("new.example.com", ["+8613800138000"])
    assert len(got.contacts) == 1
    anyway = sent(api, "anyway", [row("1"), row("2")], policy=ANYWAY)
    assert outcomes(anyway) == [CREATED, CREATED]


@pytest.mark.feature("CUS-25")
def test_rows_of_one_batch_that_are_the_same_company_become_one(running: Any) -> None:
    api = running.ask()
    rows = [
        a_row("1", "Alpha Ltd", phones=["13800138000"]),
        a_row("2", "Something Else", phones=["13800138000"], website="a.example.com"),
        a_row("3", "ALPHA Limited", region_code="DE"),
    ]
    results = sent(api, "i", rows, policy=MERGE)
    assert outcomes(results) == [CREATED, MERGED, MERGED]
    assert len({r.customer_id for r in results}) == 1
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=results[0].customer_id))
    assert (got.profile.name, got.profile.website, got.profile.region_code) == (
        "Alpha Ltd",
        "a.example.com",
        "DE",
    )


def test_an_import_is_taken_back_and_what_was_changed_since_is_told(running: Any, company: Any, refused: Any) -> None:
    api = running.ask()
    known = api.RegisterCustomer(company("Known Ltd", website="old.example.com")).customer_id
    rows = [
        a_row("1", "Fresh Company"),
        a_row("2", "Worked On Company"),
        a_row("3", "Called Company"),
        a_row("4", "Known Ltd", website="new.example.com", region_code="DE"),
    ]
    rows[0].activities.add(kind=1, content="imported call").happened_at.GetCurrentTime()
    results = sent(api, "i", rows, policy=OVERWRITE)
    ids = [r.customer_id for r in results]
    api.ReviseCustomer(
        pb.ReviseCustomerRequest(customer_id=ids[1], profile=pb.Profile(employees=5), fields=["employees"])
    )
    api.LogActivity(pb.LogActivityRequest(customer_id=ids[2], kind=1, content="hello"))
    api.ReviseCustomer(
        pb.ReviseCustomerRequest(customer_id=known, profile=pb.Profile(region_code="FR"), fields=["region_code"])
    )
    preview = api.RevertImport(pb.RevertImportRequest(import_id="i", preview=True))
    assert len(by_name(api)) == 4
    answer = api.RevertImport(pb.RevertImportRequest(import_id="i"))
    assert preview == answer
    assert (answer.archived, answer.restored) == (1, 1)
    assert {c.customer_id: list(c.fields) for c in answer.changed_since} == {
        ids[1]: ["employees", "size_code"],
        ids[2]: ["activities"],
        known: ["region_code"],
    }
    assert set(by_name(api)) == {"Worked On Company", "Called Company", "Known Ltd"}
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=known))
    assert (got.profile.website, got.profile.region_code) == ("old.example.com", "FR")
    assert not api.SearchCustomers(pb.SearchCustomersRequest(query="Fresh")).customers
    with refused(StatusCode.NOT_FOUND):
        api.RevertImport(pb.RevertImportRequest(import_id="i"))
    again = sent(api, "i", rows[:1])
    assert outcomes(again) == [CREATED]
    assert again[0].customer_id != ids[0]


def test_500_rows_are_taken_in_seconds(running: Any) -> None:
    api = running.ask()
    words = ["alder", "birch", "cedar", "damson", "elm", "fir", "gorse", "hazel", "ilex", "juniper"]
    rows = [
        a_row(
            f"r{n}",
            f"{words[n % 10]}{words[n // 10 % 10]} {words[n // 100]} {n} Ltd",
            phones=[f"138{n:08d}"],
        )
        for n in range(500)
    ]
    begun = time.perf_counter()
    results = sent(api, "big", rows)
    taken_s = time.perf_counter() - begun
    print(f"500 rows in {taken_s:.1f} s")
    assert outcomes(results) == [CREATED] * 500
    assert taken_s < 30
