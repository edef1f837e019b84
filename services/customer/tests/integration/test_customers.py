"""Customers through their gRPC api, on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from crm.customer.v1 import customer_service_pb2 as pb
from kernel.ids import new_id
from testkit import a_caller

PROSPECT, ACTIVE, SILENT, LOST, ARCHIVED = 1, 2, 3, 4, 5


def stamped(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message


@pytest.mark.feature("CUS-01")
def test_a_customer_is_registered_read_revised_archived_and_restored(running: Any, company: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company(industry_code="仪器仪表制造业", region_code="上海", source="fair"))
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=made.customer_id))
    assert (got.card.name, got.card.status) == ("上海云杉精密仪器有限公司", PROSPECT)
    assert (got.profile.industry_code, got.profile.region_code, got.card.source) == ("40", "31", "fair")
    revised = api.ReviseCustomer(
        pb.ReviseCustomerRequest(
            customer_id=made.customer_id,
            expected_version=got.version,
            profile=pb.Profile(website="www.yunshan.example", employees=350),
            fields=["website", "employees"],
        )
    )
    assert revised.version > got.version
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=made.customer_id))
    assert (got.profile.website, got.profile.employees, got.profile.size_code) == (
        "www.yunshan.example",
        350,
        "medium",
    )
    assert got.profile.name == "上海云杉精密仪器有限公司"
    api.ArchiveCustomer(pb.ArchiveCustomerRequest(customer_id=made.customer_id, reason="closed down"))
    assert not api.ListCustomers(pb.ListCustomersRequest()).customers
    card = api.GetCustomerCard(pb.GetCustomerCardRequest(customer_id=made.customer_id)).card
    assert card.status == ARCHIVED
    api.RestoreCustomer(pb.RestoreCustomerRequest(customer_id=made.customer_id, reason="back"))
    listed = api.ListCustomers(pb.ListCustomersRequest())
    assert [c.status for c in listed.customers] == [PROSPECT]
    assert listed.total_size == 1


@pytest.mark.feature("CUS-02")
def test_contacts_have_a_position_a_role_a_primary_flag_and_several_numbers(
    running: Any, company: Any, refused: Any
) -> None:
    api = running.ask()
    request = company()
    request.contacts.add(name="王小明", position="采购经理", decision_role=4, phones=["138 0013 8000"])
    made = api.RegisterCustomer(request)
    second = api.AddContact(
        pb.AddContactRequest(
            customer_id=made.customer_id,
            contact=pb.Contact(
                name="Ada Smith",
                position="CTO",
                decision_role=1,
                is_primary=True,
                phones=["+44 20 7946 0958", "+86 13900139000"],
                emails=["ADA@Example.com", "ada.smith@example.org"],
            ),
        )
    )
    contacts = api.GetCustomer(pb.GetCustomerRequest(customer_id=made.customer_id)).contacts
    assert [(c.name, c.is_primary) for c in contacts] == [("Ada Smith", True), ("王小明", False)]
    assert list(contacts[0].phones) == ["+442079460958", "+8613900139000"]
    assert list(contacts[0].emails) == ["ada@example.com", "ada.smith@example.org"]
    assert (contacts[0].position, contacts[0].decision_role) == ("CTO", 1)
    contact = pb.Contact(name="Ada Smith-Jones", position="CEO", decision_role=1, phones=["+442079460958"])
    api.ReviseContact(
        pb.ReviseContactRequest(customer_id=made.customer_id, contact_id=second.contact_id, contact=contact)
    )
    found = api.SearchCustomers(pb.SearchCustomersRequest(query="smith-jones")).customers
    assert [c.customer_id for c in found] == [made.customer_id]
    api.RemoveContact(pb.RemoveContactRequest(customer_id=made.customer_id, contact_id=second.contact_id))
    contacts = api.GetCustomer(pb.GetCustomerRequest(customer_id=made.customer_id)).contacts
    assert [(c.name, c.is_primary) for c in contacts] == [("王小明", True)]
    with refused(StatusCode.NOT_FOUND):
        api.RemoveContact(pb.RemoveContactRequest(customer_id=made.customer_id, contact_id=second.contact_id))


@pytest.mark.feature("CUS-19")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "   "}, "profile.name"),
        ({"name": "12345"}, "profile.name"),
        ({"name": "aaaa"}, "profile.name"),
        ({"phones": ["123"]}, "profile.phones[0]"),
        ({"phones": ["138001380001"]}, "profile.phones[0]"),
        ({"emails": ["nobody@nowhere"]}, "profile.emails[0]"),
        ({"industry_code": "alchemy"}, "profile.industry_code"),
        ({"region_code": "Atlantis"}, "profile.region_code"),
        ({"credit_code": "91310000MA1FL1XX0Z"}, "profile.credit_code"),
        ({"employees": -1}, "profile.employees"),
    ],
)
def test_what_breaks_a_standard_is_refused_by_its_field(
    running: Any, company: Any, refused: Any, fields: dict[str, Any], field: str
) -> None:
    with refused(StatusCode.INVALID_ARGUMENT) as refusal:
        running.ask().RegisterCustomer(company(**fields))
    assert refusal.details.startswith(field)
    assert "138001380001" not in refusal.details


@pytest.mark.feature("CUS-20")
def test_more_is_asked_for_when_a_customer_becomes_active(running: Any, company: Any, refused: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    become_active = pb.ChangeCustomerStatusRequest(customer_id=made.customer_id, to_status=ACTIVE, reason="signed")
    with refused(StatusCode.FAILED_PRECONDITION) as refusal:
        api.ChangeCustomerStatus(become_active)
    assert all(word in refusal.details for word in ("industry_code", "region_code", "phones or emails"))
    api.ReviseCustomer(
        pb.ReviseCustomerRequest(
            customer_id=made.customer_id,
            profile=pb.Profile(industry_code="40", region_code="31", phones=["021-60001234"]),
            fields=["industry_code", "region_code", "phones"],
        )
    )
    api.ChangeCustomerStatus(become_active)
    with refused(StatusCode.FAILED_PRECONDITION) as refusal:
        api.ReviseCustomer(
            pb.ReviseCustomerRequest(customer_id=made.customer_id, profile=pb.Profile(), fields=["region_code"])
        )
    assert "region_code" in refusal.details


@pytest.mark.feature("CUS-53")
def test_a_field_changed_meanwhile_is_a_conflict_with_both_values(running: Any, company: Any, refused: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company(website="a.example.com"))

    def revise(version: int, fields: list[str], **values: Any) -> Any:
        return api.ReviseCustomer(
            pb.ReviseCustomerRequest(
                customer_id=made.customer_id,
                expected_version=version,
                profile=pb.Profile(**values),
                fields=fields,
            )
        )

    revise(made.version, ["website"], website="b.example.com")
    with refused(StatusCode.ABORTED) as refusal:
        revise(made.version, ["website"], website="c.example.com")
    assert "website" in refusal.details
    assert "b.example.com" in refusal.details
    assert "c.example.com" in refusal.details
    revise(made.version, ["employees"], employees=12)  # nobody else changed that one
    revise(made.version, ["website"], website="b.example.com")  # what is there already
    revise(made.version, ["custom_fields.Segment"], custom_fields={"Segment": "chips"})
    revise(made.version, ["custom_fields.Tier"], custom_fields={"Tier": "gold"})
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=made.customer_id))
    assert (got.profile.website, got.profile.employees) == ("b.example.com", 12)
    assert dict(got.profile.custom_fields) == {"Segment": "chips", "Tier": "gold"}
    revise(made.version, ["phones"], phones=["13800138000"])
    with refused(StatusCode.ABORTED) as refusal:
        revise(made.version, ["phones"], phones=["13900139000"])
    assert "phones" in refusal.details
    assert "13800138000" not in refusal.details


@pytest.mark.feature("CUS-37")
def test_customers_change_hands_singly_and_all_at_once_with_their_follow_ups(running: Any, company: Any) -> None:
    api = running.ask()
    old, new = str(new_id()), str(new_id())
    made = [
        api.RegisterCustomer(company(f"Company {word} Ltd", owner_id=old)).customer_id
        for word in ("Alder", "Birch", "Cedar")
    ]
    due = stamped(datetime.now(UTC) + timedelta(days=2))
    api.PlanFollowUp(pb.PlanFollowUpRequest(customer_id=made[1], due_at=due, subject="renewal"))
    one = api.TransferCustomers(pb.TransferCustomersRequest(customer_ids=made[:1], to_owner_id=new, reason="leave"))
    assert (one.transferred, one.remaining) == (1, 0)
    rest = api.TransferCustomers(pb.TransferCustomersRequest(from_owner_id=old, to_owner_id=new, reason="leave"))
    assert (rest.transferred, rest.remaining) == (2, 0)
    listed = api.ListCustomers(pb.ListCustomersRequest(owner_id=new))
    assert {c.customer_id for c in listed.customers} == set(made)
    planned = api.ListFollowUps(pb.ListFollowUpsRequest(owner_id=new)).follow_ups
    assert [f.subject for f in planned] == ["renewal"]
    changed = running.events("OwnerChanged")
    assert {(str(e.from_owner_id), str(e.to_owner_id), e.reason) for e in changed} == {(old, new, "leave")}
    assert len(changed) == 3


def test_own_scope_shows_own_customers_only_and_does_not_reveal_others(
    running: Any, company: Any, refused: Any
) -> None:
    mine, other = new_id(), new_id()
    seller = a_caller(("customer.*.*",), scope="own", person_id=mine)
    theirs = running.ask().RegisterCustomer(company("Their Company", owner_id=str(other)))
    own = running.ask(seller).RegisterCustomer(company("My Company"))
    api = running.ask(seller)
    assert [c.customer_id for c in api.ListCustomers(pb.ListCustomersRequest()).customers] == [own.customer_id]
    assert not api.SearchCustomers(pb.SearchCustomersRequest(query="Their")).customers
    cards = api.BatchGetCustomers(pb.BatchGetCustomersRequest(customer_ids=[theirs.customer_id, own.customer_id])).cards
    assert [card.customer_id for card in cards] == [own.customer_id]
    for call in (
        lambda: api.GetCustomer(pb.GetCustomerRequest(customer_id=theirs.customer_id)),
        lambda: api.GetTimeline(pb.GetTimelineRequest(customer_id=theirs.customer_id)),
        lambda: api.ArchiveCustomer(pb.ArchiveCustomerRequest(customer_id=theirs.customer_id)),
        lambda: api.ChangeTags(pb.ChangeTagsRequest(customer_ids=[theirs.customer_id], add=["x"])),
        lambda: api.LogActivity(pb.LogActivityRequest(customer_id=theirs.customer_id, kind=1, content="hello")),
    ):
        with refused(StatusCode.NOT_FOUND):
            call()


def test_the_same_request_id_registers_once(running: Any, company: Any) -> None:
    api = running.ask(a_caller(person_id=new_id()), request_id="same-one")
    caller_token_is_the_same = company("Once GmbH", allow_duplicates=True)
    first = api.RegisterCustomer(caller_token_is_the_same)
    assert api.RegisterCustomer(caller_token_is_the_same) == first
    assert len(running.events("CustomerRegistered")) == 1


@pytest.mark.feature("CUS-05", "CUS-09")
def test_the_timeline_is_latest_first_and_filtered_by_type_actor_and_date(running: Any, company: Any) -> None:
    seller = a_caller(person_id=new_id())
    api, other = running.ask(seller), running.ask()
    made = api.RegisterCustomer(company())
    now = datetime.now(UTC)
    for days, kind in ((30, 1), (20, 2), (10, 3)):
        api.LogActivity(
            pb.LogActivityRequest(
                customer_id=made.customer_id,
                kind=kind,
                content=f"{days} days ago",
                happened_at=stamped(now - timedelta(days=days)),
            )
        )
    other.ChangeTags(pb.ChangeTagsRequest(customer_ids=[made.customer_id], add=["老客户"]))

    def ask(**wanted: Any) -> list[str]:
        request = pb.GetTimelineRequest(customer_id=made.customer_id, **wanted)
        return [e.content or e.title for e in api.GetTimeline(request).entries]

    everything = ask()
    assert everything == ["+老客户", "Registered", "10 days ago", "20 days ago", "30 days ago"]
    assert ask(types=["activity"]) == everything[2:]
    assert ask(types=["visit"]) == ["20 days ago"]
    assert ask(actor=seller.actor) == everything[1:]
    since = {"from": stamped(now - timedelta(days=25)), "until": stamped(now - timedelta(days=15))}
    assert ask(**since) == ["20 days ago"]
    pages: list[str] = []
    token = ""
    for _ in range(3):
        answer = api.GetTimeline(pb.GetTimelineRequest(customer_id=made.customer_id, page_size=2, page_token=token))
        pages += [e.content or e.title for e in answer.entries]
        token = answer.next_page_token
    assert (pages, token) == (everything, "")


@pytest.mark.feature("CUS-09")
def test_a_follow_up_record_is_one_command_with_attachment_and_next_contact(
    running: Any, company: Any, refused: Any
) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    attachment = api.UploadFile(
        pb.UploadFileRequest(name="offer.pdf", media_type="application/pdf", content=b"%PDF-1.7 offer")
    ).attachment
    in_a_week = datetime.now(UTC) + timedelta(days=7)
    logged = api.LogActivity(
        pb.LogActivityRequest(
            customer_id=made.customer_id,
            kind=1,
            content="Talked about the offer",
            result="wants a discount",
            outcome=3,
            attachments=[attachment],
            next_contact_at=stamped(in_a_week),
            next_subject="discount",
        )
    )
    entry = api.GetTimeline(pb.GetTimelineRequest(customer_id=made.customer_id, types=["activity"])).entries[0]
    assert (entry.content, entry.details["kind"]) == ("Talked about the offer", "call")
    assert (entry.details["result"], entry.details["outcome"]) == ("wants a discount", "interested")
    assert entry.attachments[0] == attachment
    planned = api.GetFollowUp(pb.GetFollowUpRequest(follow_up_id=logged.follow_up_id)).follow_up
    assert (planned.subject, planned.due_at) == ("discount", stamped(in_a_week))
    file = api.DownloadFile(pb.DownloadFileRequest(customer_id=made.customer_id, sha256=attachment.sha256))
    assert (file.name, file.content) == ("offer.pdf", b"%PDF-1.7 offer")
    other = api.RegisterCustomer(company("Another Company"))
    with refused(StatusCode.NOT_FOUND):
        api.DownloadFile(pb.DownloadFileRequest(customer_id=other.customer_id, sha256=attachment.sha256))
    attachment.sha256 = "0" * 64
    with refused(StatusCode.INVALID_ARGUMENT) as refusal:
        api.LogActivity(
            pb.LogActivityRequest(customer_id=made.customer_id, kind=1, content="x", attachments=[attachment])
        )
    assert refusal.details.startswith("attachments[0].sha256")


@pytest.mark.feature("NOT-02")
def test_a_follow_up_falls_due_with_what_to_say(running: Any, company: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    api.LogActivity(pb.LogActivityRequest(customer_id=made.customer_id, kind=1, content="c", result="wants a discount"))
    due = stamped(datetime.now(UTC) + timedelta(hours=1))
    written = api.PlanFollowUp(
        pb.PlanFollowUpRequest(customer_id=made.customer_id, due_at=due, suggested_content="Say hello")
    )
    bare = api.PlanFollowUp(pb.PlanFollowUpRequest(customer_id=made.customer_id, due_at=due, subject="The discount"))
    done = api.PlanFollowUp(pb.PlanFollowUpRequest(customer_id=made.customer_id, due_at=due))
    api.CompleteFollowUp(pb.CompleteFollowUpRequest(follow_up_id=done.follow_up_id))
    assert not running.events("FollowUpDue")
    running.pass_time(hours=2)
    due_now = {str(e.follow_up_id): e.suggested_content for e in running.events("FollowUpDue")}
    assert due_now == {
        written.follow_up_id: "Say hello",
        bare.follow_up_id: "The discount\nLast time: wants a discount",
    }
    states = {f.follow_up_id: f.state for f in api.ListFollowUps(pb.ListFollowUpsRequest()).follow_ups}
    assert states == {written.follow_up_id: 2, bare.follow_up_id: 2}


@pytest.mark.feature("NOT-03")
def test_neglect_is_told_after_the_days_of_the_level(running: Any, company: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    api.SetCarePolicy(
        pb.SetCarePolicyRequest(
            silent_after_months=3,
            contact_intervals=[{"level": 4, "days": 7}, {"level": 0, "days": 90}],
        )
    )
    api.AssignLevel(pb.AssignLevelRequest(customer_id=made.customer_id, level=4, reason="keynote"))
    running.pass_time(days=6)
    assert not running.events("CustomerNeglected")
    running.pass_time(days=8)
    told = running.events("CustomerNeglected")
    assert [(str(e.customer_id), e.level.name, e.after_days) for e in told] == [(made.customer_id, "VIP", 7)]
    api.LogActivity(pb.LogActivityRequest(customer_id=made.customer_id, kind=1, content="called"))
    running.pass_time(days=14)
    assert len(running.events("CustomerNeglected")) == 1
    running.pass_time(days=16)
    assert len(running.events("CustomerNeglected")) == 2


def test_registering_an_id_again_answers_with_what_is_there(running: Any, company: Any) -> None:
    api = running.ask()
    request = company("Converted GmbH", customer_id=str(new_id()))
    request.contacts.add(name="Ada")
    first = api.RegisterCustomer(request)
    assert api.RegisterCustomer(request) == first
    assert len(running.events("CustomerRegistered")) == 1


def test_whoever_is_to_follow_up_sees_it_though_the_customer_is_anothers(running: Any, company: Any) -> None:
    helper = new_id()
    made = running.ask().RegisterCustomer(company())
    planned = running.ask().PlanFollowUp(
        pb.PlanFollowUpRequest(
            customer_id=made.customer_id,
            due_at=stamped(datetime.now(UTC) + timedelta(days=1)),
            owner_id=str(helper),
        )
    )
    own = running.ask(a_caller(("customer.*.*",), scope="own", person_id=helper))
    listed = own.ListFollowUps(pb.ListFollowUpsRequest()).follow_ups
    assert [f.follow_up_id for f in listed] == [planned.follow_up_id]


def test_a_calendar_asks_for_the_follow_ups_between_two_moments(running: Any, company: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    noon = datetime.now(UTC) + timedelta(days=1)
    for day in range(4):
        due = stamped(noon + timedelta(days=day))
        api.PlanFollowUp(pb.PlanFollowUpRequest(customer_id=made.customer_id, due_at=due, subject=f"day {day}"))
    asked = pb.ListFollowUpsRequest(
        due_from=stamped(noon + timedelta(days=1)), due_before=stamped(noon + timedelta(days=3))
    )
    assert [each.subject for each in api.ListFollowUps(asked).follow_ups] == ["day 1", "day 2"]
