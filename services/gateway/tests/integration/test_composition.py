"""The customer's page and the search: several services at once, and one that is really down or slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from google.protobuf.message import Message

from crm.customer.v1 import customer_service_pb2 as customer
from crm.marketing.v1 import marketing_service_pb2 as marketing
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import opportunity_service_pb2 as deals
from crm.pipeline.v1 import sales_service_pb2 as sales
from crm.ticketing.v1 import ticketing_service_pb2 as ticketing
from kernel.auth import Verifier
from kernel.errors import NotFound
from kernel.rpc import Call, Endpoint
from testkit.callers import a_caller, a_token, signing_key
from testkit.grpc_server import serving

from .conftest import Running, a_closed_port, gateway_to

Answer = Callable[[Any, Call], Message]


class Answers:
    """An api that gives the answers a test names, and empty ones for all other RPCs.

    It stands for a service of which only the wire matters here: the gateway's own code is all real.
    """

    def __init__(self, service: Any, answers: Mapping[str, Answer]) -> None:
        from google.protobuf.message_factory import GetMessageClass

        for method in service.methods:
            empty = GetMessageClass(method.output_type)
            answer = answers.get(method.name, lambda _, __, empty=empty: empty())
            setattr(self, method.name, answer)


SERVICES = {
    "customer": [customer.DESCRIPTOR.services_by_name["CustomerService"]],
    "pipeline": [
        deals.DESCRIPTOR.services_by_name["OpportunityService"],
        leads.DESCRIPTOR.services_by_name["LeadService"],
        sales.DESCRIPTOR.services_by_name["SalesService"],
    ],
    "ticketing": [ticketing.DESCRIPTOR.services_by_name["TicketingService"]],
    "marketing": [marketing.DESCRIPTOR.services_by_name["MarketingService"]],
}


@contextmanager
def a_suite(down: tuple[str, ...] = (), **answers: Answer) -> Iterator[Running]:
    """Real gRPC servers for every context but those that are down: nobody listens on their ports."""
    verifier = Verifier(signing_key().public_pem)
    with ExitStack() as stack:
        targets = {}
        for context, services in SERVICES.items():
            if context in down:
                targets[context] = f"127.0.0.1:{a_closed_port()}"
                continue
            endpoints = [Endpoint(s, Answers(s, answers), None, verifier) for s in services]
            targets[context] = stack.enter_context(serving(*endpoints))
        yield stack.enter_context(gateway_to(targets))


def client_of(running: Running, **caller: Any) -> httpx.Client:
    return running.client(a_token(a_caller(**caller)))


def card(request: Any, _: Call) -> Message:
    found = customer.CustomerCard(customer_id=request.customer_id, name="上海大河科技")
    return customer.GetCustomerCardResponse(card=found)


def opportunities(request: Any, call: Call) -> Message:
    found = deals.Opportunity(
        opportunity_id="o-1", customer_id=request.customer_id, owner_id=str(call.caller.person_id)
    )
    return deals.ListOpportunitiesResponse(opportunities=[found], total_size=1)


def test_the_customers_page_is_one_answer_of_all_services() -> None:
    with a_suite(GetCustomerCard=card, ListOpportunities=opportunities) as running:
        caller = a_caller()
        answer = running.client(a_token(caller)).get("/v1/customers/c-1/overview")
        page = answer.json()
    assert page["missing"] == []
    assert page["card"]["card"]["name"] == "上海大河科技"
    (deal,) = page["opportunities"]["opportunities"]
    assert deal["customer_id"] == "c-1"
    assert deal["owner_id"] == str(caller.person_id), "the caller's own token goes along"
    assert {"timeline", "orders", "tickets", "touches"} <= page.keys()


def test_a_service_that_is_down_is_named_and_the_rest_is_answered() -> None:
    with a_suite(down=("ticketing",), GetCustomerCard=card, ListOpportunities=opportunities) as running:
        page = client_of(running).get("/v1/customers/c-1/overview").json()
        found = client_of(running).get("/v1/search", params={"q": "大河"}).json()
    assert [(m["part"], m["context"], m["reason"]) for m in page["missing"]] == [
        ("tickets", "ticketing", "unavailable")
    ]
    assert page["opportunities"]["total_size"] == "1"
    assert [m["part"] for m in found["missing"]] == ["tickets"]


def test_a_slow_service_does_not_hold_up_the_rest() -> None:
    released = threading.Event()

    def slow(_: Any, __: Call) -> Message:
        released.wait(20)
        return ticketing.ListTicketsResponse()

    try:
        with a_suite(GetCustomerCard=card, ListTickets=slow) as running:
            began = time.monotonic()
            page = client_of(running).get("/v1/customers/c-1/overview").json()
            took_s = time.monotonic() - began
            released.set()
    finally:
        released.set()
    assert [(m["part"], m["reason"]) for m in page["missing"]] == [("tickets", "too-late")]
    assert page["card"]["card"]["customer_id"] == "c-1"
    assert took_s < 5


def test_parts_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(3)

    def meet(answer: Message) -> Answer:
        def respond(_: Any, __: Call) -> Message:
            together.wait(5)
            return answer

        return respond

    with a_suite(
        SearchCustomers=meet(customer.SearchCustomersResponse()),
        ListOpportunities=meet(deals.ListOpportunitiesResponse()),
        ListTickets=meet(ticketing.ListTicketsResponse()),
    ) as running:
        assert client_of(running).get("/v1/search", params={"q": "x"}).json()["missing"] == []


def test_what_one_may_not_read_is_named_not_shown() -> None:
    with a_suite(GetCustomerCard=card, ListOpportunities=opportunities) as running:
        seller = client_of(running, permissions=("customer.*.read", "pipeline.*.read"))
        page = seller.get("/v1/customers/c-1/overview").json()
    assert {m["part"]: m["reason"] for m in page["missing"]} == {
        "tickets": "not-allowed",
        "touches": "not-allowed",
    }
    assert "tickets" not in page


def test_a_customer_one_may_not_see_is_not_found() -> None:
    def hidden(_: Any, __: Call) -> Message:
        raise NotFound("no customer c-1")

    with a_suite(GetCustomerCard=hidden) as running:
        answer = client_of(running).get("/v1/customers/c-1/overview")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:headwater:problem:not-found")


def test_nothing_at_all_is_an_error_not_an_empty_page() -> None:
    with a_suite(down=("customer", "pipeline", "ticketing", "marketing")) as running:
        assert client_of(running).get("/v1/search", params={"q": "x"}).status_code == 503


def test_the_search_asks_everywhere_with_the_words_as_typed() -> None:
    asked: dict[str, str] = {}

    def note(name: str, field: str, answer: Message) -> Answer:
        def respond(request: Any, _: Call) -> Message:
            asked[name] = getattr(request, field)
            assert request.page_size == 7
            return answer

        return respond

    cards = [customer.CustomerCard(customer_id="c-1", name="王芳", tags=["重点"])]
    with a_suite(
        SearchCustomers=note("customers", "query", customer.SearchCustomersResponse(customers=cards)),
        ListLeads=note("leads", "search", leads.ListLeadsResponse()),
        ListOpportunities=note("opportunities", "search", deals.ListOpportunitiesResponse()),
        ListOrders=note("orders", "search", sales.ListOrdersResponse()),
        ListTickets=note("tickets", "search", ticketing.ListTicketsResponse()),
    ) as running:
        found = client_of(running).get("/v1/search", params={"q": " 王芳 ", "limit": 7}).json()
    assert set(asked.values()) == {"王芳"}
    assert len(asked) == 5
    assert found["customers"]["customers"][0]["name"] == "王芳"


@pytest.mark.parametrize("query", ["", "q=", "q=x&limit=0", "q=x&limit=51", "q=x&colour=red", "q=" + "x" * 201])
def test_a_malformed_search_is_refused(query: str) -> None:
    with gateway_to({"identity": "127.0.0.1:1"}) as running:
        assert client_of(running).get(f"/v1/search?{query}").status_code == 400


# -- public pages -------------------------------------------------------------------


def a_form(request: Any, _: Call) -> Message:
    if request.form_id != "f-1":
        raise NotFound("no form")
    form = marketing.PublicForm(
        form_id="f-1",
        title="试用 <b>申请</b>",
        form_token="t-1",
        honeypot_field="website",
    )
    for key, kind, required in (("name", 1, True), ("email", 3, True), ("note", 2, False)):
        form.fields.add(key=key, label=f"{key}?", kind=kind, required=required)
    form.fields.add(key="size", label="规模", kind=7, choices=["1-50", '">51"'])
    return marketing.GetPublicFormResponse(form=form)


def test_a_form_is_shown_escaped_and_sent_with_where_the_visitor_came_from() -> None:
    sent: list[Any] = []

    def take(request: Any, call: Call) -> Message:
        sent.append((request, call.caller.kind))
        return marketing.SubmitFormResponse(
            submission_id="s-1", thank_you={"message": "收到 <3", "download_url": "javascript:x"}
        )

    with a_suite(GetPublicForm=a_form, SubmitForm=take) as running:
        visitor = running.client()
        page = visitor.get("/f/f-1?utm_source=wechat&source=wechat&campaign=c-9&lang=zh")
        assert "试用 &lt;b&gt;申请&lt;/b&gt;" in page.text
        assert "<b>" not in page.text
        assert "提交" in page.text
        assert "&quot;&gt;51&quot;" in page.text
        thanks = visitor.post(
            "/f/f-1?utm_source=wechat&source=wechat&campaign=c-9&lang=zh",
            data={
                "name": "王芳",
                "email": "w@example.org",
                "size": "1-50",
                "website": "",
                "_honeypot": "website",
                "_token": "t-1",
                "_consent": "yes",
            },
        )
        assert "收到 &lt;3" in thanks.text
        assert "javascript" not in thanks.text
    (request, kind) = sent[0]
    assert kind == "nobody"
    assert dict(request.values) == {"name": "王芳", "email": "w@example.org", "size": "1-50"}
    assert (request.form_token, request.honeypot, request.consent_given) == ("t-1", "", True)
    assert (request.source_channel, request.campaign_id) == ("wechat", "c-9")
    assert dict(request.utm) == {"utm_source": "wechat"}
    assert request.source_address == "127.0.0.1"
    assert len(request.visitor_id) == 36


def test_a_form_that_is_gone_or_a_service_that_is_away_gets_a_page() -> None:
    with a_suite(GetPublicForm=a_form) as running:
        gone = running.client().get("/f/f-2")
        assert (gone.status_code, "not here" in gone.text) == (404, True)
    with a_suite(down=("marketing",)) as running:
        away = running.client().get("/f/f-1", headers={"Accept-Language": "zh-CN"})
        assert (away.status_code, "稍后再试" in away.text) == (503, True)
        picture = running.client().get("/t/o/abc")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/gif")


@pytest.mark.parametrize(
    ("target", "status"),
    [("https://example.org/x", 302), ("javascript:alert(1)", 404), ("//evil.example", 404)],
)
def test_a_link_leads_only_to_web_pages(target: str, status: int) -> None:
    def lead(_: Any, __: Call) -> Message:
        return marketing.TrackClickResponse(target_url=target)

    with a_suite(TrackClick=lead) as running:
        answer = running.client().get("/t/c/abc.def")
    assert answer.status_code == status
    assert answer.headers.get("location", target) == target


def test_looking_at_the_unsubscribe_link_does_not_unsubscribe() -> None:
    taken_out: list[str] = []

    def stop(request: Any, _: Call) -> Message:
        taken_out.append(request.token)
        return marketing.UnsubscribeResponse()

    with a_suite(Unsubscribe=stop) as running:
        visitor = running.client()
        assert "No more messages" in visitor.get("/u/abc").text
        assert taken_out == []
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert "Done" in visitor.post("/u/abc", content="List-Unsubscribe=One-Click", headers=form).text
    assert taken_out == ["abc"]


def test_a_survey_is_answered_once_with_a_score() -> None:
    scores: list[int] = []

    def take(request: Any, _: Call) -> Message:
        scores.append(request.score)
        return ticketing.AnswerSurveyResponse(recorded=True)

    def shown(_: Any, __: Call) -> Message:
        return ticketing.GetSurveyFormResponse(answered=bool(scores))

    with a_suite(GetSurveyForm=shown, AnswerSurvey=take) as running:
        visitor = running.client()
        assert "How did we do?" in visitor.get("/s/tok").text
        assert visitor.post("/s/tok", data={"score": "9"}).status_code == 400
        assert "Thank you" in visitor.post("/s/tok", data={"score": "2", "comment": "slow"}).text
        assert "already" in visitor.get("/s/tok").text
    assert scores == [2]
