"""Duplicates are found, made one, and made two again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from grpc import StatusCode

from crm.customer.v1 import customer_service_pb2 as pb
from crm.ticketing.v1.ticket_events_pb2 import TicketOpened
from customer.application import told
from customer.domain.customer import CustomerKind
from customer.projections.duplicates import Candidate
from kernel.ids import new_id
from testkit import a_caller

CREDIT_CODE = "91350100M000100Y43"  # the example of GB 32100-2015


@pytest.mark.feature("CUS-16")
@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"name": "Other Name", "phones": ["+8613800138000"]}, "same phone"),
        ({"name": "Other Name", "phones": ["139 0013 9000"]}, "same phone"),
        ({"name": "Other Name", "emails": ["SALES@yunshan.example"]}, "same email"),
        ({"name": "Other Name", "credit_code": CREDIT_CODE}, "same credit code"),
        ({"name": "上海云杉精密仪器股份有限公司"}, "similar name 1.00"),
        ({"name": "上海云杉精密仪器（集团）有限公司"}, "similar name"),
        ({"name": "上海云杉仪器有限公司"}, "similar name"),
    ],
)
def test_a_likely_duplicate_is_refused_with_the_candidates(
    running: Any, company: Any, refused: Any, fields: dict[str, Any], what: str
) -> None:
    api = running.ask()
    known = company(phones=["13800138000"], emails=["sales@yunshan.example"], credit_code=CREDIT_CODE)
    known.contacts.add(name="王小明", phones=["13900139000"])
    made = api.RegisterCustomer(known)
    with refused(StatusCode.ALREADY_EXISTS) as refusal:
        api.RegisterCustomer(company(**fields))
    assert made.customer_id in refusal.details
    assert what in refusal.details
    assert "王小明" not in refusal.details
    fields["allow_duplicates"] = True
    api.RegisterCustomer(company(**fields))


@pytest.mark.feature("CUS-16")
def test_other_companies_are_no_duplicates(running: Any, company: Any) -> None:
    api = running.ask()
    for name in (
        "上海云杉精密仪器有限公司",
        "上海远航信息科技有限公司",
        "上海明远信息科技有限公司",
        "北京远航贸易有限公司",
        "Northwind Traders GmbH",
        "Southwind Trading International Ltd",
        "Alfreds Futterkiste",
        "Ana Trujillo Emparedados y helados",
    ):
        api.RegisterCustomer(company(name))
    described = pb.FindDuplicatesRequest(profile=pb.Profile(name="ＮＯＲＴＨＷＩＮＤ　traders"))
    found = api.FindDuplicates(described).candidates
    assert [(c.name, c.score, list(c.matched_on)) for c in found] == [("Northwind Traders GmbH", 1.0, ["name"])]


@pytest.mark.parametrize("kind", [1, 2], ids=["company", "person"])
def test_of_somebody_elses_duplicate_is_told_only_that_it_is_there_and_whom_to_ask(
    running: Any, refused: Any, kind: int
) -> None:
    owner_id = str(new_id())
    known = pb.RegisterCustomerRequest(
        kind=kind, profile=pb.Profile(name="Grace Hopper", phones=["13800138000"]), owner_id=owner_id
    )
    made = running.ask().RegisterCustomer(known)
    seller = running.ask(a_caller(("customer.*.*",), scope="own"))
    described = pb.FindDuplicatesRequest(profile=pb.Profile(phones=["13800138000"]))
    (found,) = seller.FindDuplicates(described).candidates
    assert (found.name, found.customer_id, found.visible, list(found.matched_on)) == ("", "", False, ["phone"])
    assert found.owner_id == owner_id
    with refused(StatusCode.ALREADY_EXISTS) as refusal:
        seller.RegisterCustomer(known)
    assert owner_id in refusal.details
    assert "Grace" not in refusal.details
    assert made.customer_id not in refusal.details


@pytest.mark.parametrize(("access", "shown"), [("hide", False), ("mask", False), ("view", True)])
def test_a_name_that_is_hidden_or_masked_is_not_in_the_refusal_either(access: str, shown: bool) -> None:
    caller = a_caller(("customer.*.*",), fields=((("customer.customer.name", access),),))
    candidate = Candidate(new_id(), "Alpha Ltd", int(CustomerKind.COMPANY), None, ["name"], 1.0)
    assert ("Alpha" in told(candidate, caller)) is shown


def two_companies(running: Any, company: Any, order: Any) -> tuple[Any, str, str]:
    api = running.ask()
    survivor = api.RegisterCustomer(company("Alpha Ltd", website="alpha.example.com", tags=["a"]))
    request = company("Beta Ltd", website="beta.example.com", region_code="31", tags=["b"])
    request.contacts.add(name="王小明", phones=["13900139000"])
    request.profile.custom_fields["Segment"] = "chips"
    absorbed = api.RegisterCustomer(request)
    api.LogActivity(pb.LogActivityRequest(customer_id=absorbed.customer_id, kind=1, content="with beta"))
    today = datetime.now(UTC).date().isoformat()
    running.happened(order(survivor.customer_id, 5_000_00, today))
    running.happened(order(absorbed.customer_id, 7_000_00, today))
    running.happened(TicketOpened(ticket_id=str(new_id()), customer_id=absorbed.customer_id))
    return api, survivor.customer_id, absorbed.customer_id


@pytest.mark.feature("CUS-17")
def test_merging_chooses_field_by_field_and_everything_follows_the_survivor(
    running: Any, company: Any, order: Any
) -> None:
    api, survivor, absorbed = two_companies(running, company, order)
    api.MergeCustomers(
        pb.MergeCustomersRequest(
            survivor_id=survivor,
            absorbed_id=absorbed,
            choices=[{"field": "website", "from_absorbed": True}, {"field": "name"}],
        )
    )
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=absorbed))
    assert (got.card.customer_id, got.card.asked_id) == (survivor, absorbed)
    assert (got.profile.name, got.profile.website) == ("Alpha Ltd", "beta.example.com")
    assert (got.profile.region_code, dict(got.profile.custom_fields)) == ("31", {"Segment": "chips"})
    assert list(got.card.tags) == ["a", "b"]
    assert [c.name for c in got.contacts] == ["王小明"]
    assert list(got.absorbed_ids) == [absorbed]
    assert (got.card.order_count, got.card.order_totals[0].minor_units) == (2, 12_000_00)
    assert (got.card.deal_band_code, got.card.open_tickets) == ("10k-100k", 1)
    contents = [e.content for e in api.GetTimeline(pb.GetTimelineRequest(customer_id=survivor)).entries]
    assert "with beta" in contents
    listed = api.ListCustomers(pb.ListCustomersRequest()).customers
    assert [c.customer_id for c in listed] == [survivor]
    found = api.SearchCustomers(pb.SearchCustomersRequest(query="Beta")).customers
    assert [c.customer_id for c in found] == [survivor]
    contact_id = got.contacts[0].contact_id
    api.ReviseContact(
        pb.ReviseContactRequest(customer_id=survivor, contact_id=contact_id, contact=pb.Contact(name="王大明"))
    )
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=survivor))
    assert [c.name for c in got.contacts] == ["王大明"]


@pytest.mark.feature("CUS-17")
def test_unmerging_is_as_if_never_merged(running: Any, company: Any, order: Any, refused: Any) -> None:
    api, survivor, absorbed = two_companies(running, company, order)

    def all_of(customer_id: str) -> tuple[Any, ...]:
        got = api.GetCustomer(pb.GetCustomerRequest(customer_id=customer_id))
        entries = api.GetTimeline(pb.GetTimelineRequest(customer_id=customer_id)).entries
        told = [e.event_id for e in entries if e.type != "merge"]
        return got.card, got.profile, list(got.contacts), list(got.absorbed_ids), told

    before = all_of(survivor), all_of(absorbed)
    merge = pb.MergeCustomersRequest(
        survivor_id=survivor,
        absorbed_id=absorbed,
        choices=[{"field": f, "from_absorbed": True} for f in ("website", "name")],
    )
    api.MergeCustomers(merge)
    with refused(StatusCode.FAILED_PRECONDITION):
        api.MergeCustomers(merge)
    unmerge = pb.UnmergeCustomersRequest(survivor_id=survivor, absorbed_id=absorbed, reason="mistake")
    api.UnmergeCustomers(unmerge)
    assert (all_of(survivor), all_of(absorbed)) == before
    api.MergeCustomers(merge)
    api.ReviseCustomer(
        pb.ReviseCustomerRequest(
            customer_id=survivor, profile=pb.Profile(website="new.example.com"), fields=["website"]
        )
    )
    api.UnmergeCustomers(unmerge)
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=survivor))
    assert (got.profile.website, got.profile.name) == ("new.example.com", "Alpha Ltd")


@pytest.mark.feature("CUS-17")
@pytest.mark.parametrize("who", ["survivor", "absorbed"])
def test_an_order_while_merged_is_that_customers_own_after_un_merging(
    running: Any, company: Any, order: Any, who: str
) -> None:
    api = running.ask()
    ids = {name: api.RegisterCustomer(company(f"{name} Ltd")).customer_id for name in ("survivor", "absorbed", "Old")}
    both = {"survivor_id": ids["survivor"], "absorbed_id": ids["absorbed"]}
    running.happened(order(ids["Old"], 1_00, "2020-01-01"))
    api.MergeCustomers(pb.MergeCustomersRequest(survivor_id=ids["survivor"], absorbed_id=ids["Old"]))
    api.MergeCustomers(pb.MergeCustomersRequest(**both))
    running.happened(order(ids[who], 5_000_00, datetime.now(UTC).date().isoformat()))
    api.UnmergeCustomers(pb.UnmergeCustomersRequest(**both))
    api.UnmergeCustomers(pb.UnmergeCustomersRequest(survivor_id=ids["survivor"], absorbed_id=ids["Old"]))
    cards = [api.GetCustomer(pb.GetCustomerRequest(customer_id=ids[n])).card for n in ("survivor", "absorbed", "Old")]
    bought = [who == "survivor", who == "absorbed", True]
    assert [(card.status, card.order_count) for card in cards] == [(2, 1) if it else (1, 0) for it in bought]


def test_a_chain_of_merges_answers_from_its_end(running: Any, company: Any) -> None:
    api = running.ask()
    a, b, c = (api.RegisterCustomer(company(f"{word} Ltd")).customer_id for word in ("Alder", "Birch", "Cedar"))
    api.MergeCustomers(pb.MergeCustomersRequest(survivor_id=b, absorbed_id=a))
    api.MergeCustomers(pb.MergeCustomersRequest(survivor_id=c, absorbed_id=b))
    cards = api.BatchGetCustomers(pb.BatchGetCustomersRequest(customer_ids=[a, b, c])).cards
    assert [(card.customer_id, card.asked_id) for card in cards] == [(c, a), (c, b), (c, "")]
    api.UnmergeCustomers(pb.UnmergeCustomersRequest(survivor_id=c, absorbed_id=b))
    cards = api.BatchGetCustomers(pb.BatchGetCustomersRequest(customer_ids=[a, b, c])).cards
    assert [card.customer_id for card in cards] == [b, b, c]
