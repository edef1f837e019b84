"""Money and signatures: exact totals, discounts, approvals, numbers, receivables."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money
from pipeline.application.sales import placed_order
from pipeline.domain import approval as approvals
from pipeline.domain import catalogue, contract, order, quote
from pipeline.domain.priced_lines import Position, totals

A, B, C, D = (UUID(int=n) for n in (1, 2, 3, 4))
DAY = date(2026, 5, 1)


def yuan(minor_units: int) -> Money:
    return Money(minor_units, "CNY")


positions = st.builds(
    Position,
    st.decimals("0.001", "9999", places=3).map(str),
    st.integers(0, 10**7).map(yuan),
    st.integers(0, 10_000),
    st.integers(0, 2_500),
)


@given(st.lists(positions, min_size=1, max_size=20))
def test_lines_add_up_to_the_total_and_each_is_within_a_minor_unit(given_: list[Position]) -> None:
    priced = totals(given_)
    assert sum(line.net.minor_units for line in priced.lines) == priced.net_total.minor_units
    assert sum(line.tax.minor_units for line in priced.lines) == priced.tax_total.minor_units
    assert priced.total == priced.net_total + priced.tax_total
    exact = [Decimal(line.net_exact) for line in priced.lines]
    assert sum(exact) == Decimal(priced.net_exact)
    assert abs(Decimal(priced.net_exact) * 100 - priced.net_total.minor_units) <= Decimal("0.5")
    for line, net in zip(priced.lines, exact, strict=True):
        assert abs(net * 100 - line.net.minor_units) <= 1


@pytest.mark.parametrize("quantity", ["0", "-1", "x", "NaN", "Infinity", "1.0000001", ""])
def test_a_quantity_is_a_number_above_nothing(quantity: str) -> None:
    with pytest.raises(InvalidArgument, match=r"lines\[0\].quantity"):
        totals([Position(quantity, yuan(1), 0, 0)])


def a_line(unit_price: int, list_price: int, discount: int = 0) -> quote.LineDraft:
    return quote.LineDraft(A, "Pump", "1", yuan(unit_price), yuan(list_price), discount, 0)


def test_a_lowered_price_is_a_discount_too_and_the_largest_counts() -> None:
    assert quote.content_of((a_line(9_000, 10_000), a_line(10_000, 10_000, 500))).discount_basis_points == 1_000
    assert quote.content_of((a_line(9_000, 10_000, 1_000),)).discount_basis_points == 1_900
    assert quote.content_of((a_line(11_000, 10_000),)).discount_basis_points == 0
    assert quote.content_of((a_line(2, 3),)).discount_basis_points == 3_334, "rounded up, never down to the limit"


def a_quote(discount: int) -> quote.Quote:
    content = quote.content_of((a_line(10_000, 10_000, discount),))
    drafted = quote.QuoteDrafted(
        A, "Q-1", B, C, D, 1, content.lines, content.net_total, content.tax_total, content.total,
        content.discount_basis_points, DAY, None,
    )  # fmt: skip
    return quote.evolve(None, drafted)


POLICY = quote.DiscountPolicySet(A, 1_000, None)
quote_asks = st.sampled_from(
    [
        lambda it: it.submit(POLICY, None),
        lambda it: it.submit(POLICY, D),
        lambda it: it.approve(D, it.quote_version),
        lambda it: it.turn_down(D, it.quote_version, "rejected"),
        lambda it: it.send(DAY),
        lambda it: it.accept(DAY),
        lambda it: it.decline("price"),
        lambda it: it.expire(it.quote_version),
        lambda it: it.revise(quote.content_of((a_line(10_000, 10_000, 2_000),)), DAY, DAY),
        lambda it: it.revise(quote.content_of((a_line(10_000, 10_000, 500),)), DAY, DAY),
    ]
)


@given(st.integers(0, 10_000), st.lists(quote_asks, max_size=25))
def test_no_version_beyond_the_limit_is_ever_sent_without_its_own_approval(discount: int, asked: list[object]) -> None:
    state = a_quote(discount)
    approved: set[int] = set()
    for ask in asked:
        try:
            new = ask(state)  # type: ignore[operator]
        except DomainError:
            continue
        for event in new:
            if isinstance(event, quote.QuoteApproved):
                approved.add(event.version)
            if isinstance(event, quote.QuoteSent) and state.discount_basis_points > POLICY.limit_basis_points:
                assert event.version in approved
            if isinstance(event, quote.QuoteAccepted):
                assert state.state == quote.QuoteState.SENT
        state = reduce(quote.evolve, new, state)


def a_step(step_id: str, rule: approvals.StepRule, *people: UUID, amount: int = 0) -> approvals.FlowStep:
    return approvals.FlowStep(step_id, step_id, people, rule, yuan(amount) if amount else None, 0)


ANY, ALL = approvals.StepRule.ANY_OF, approvals.StepRule.ALL_OF


def a_flow(*steps: approvals.FlowStep, priority: int = 0, discount: int = 0) -> approvals.ApprovalFlowDefined:
    return approvals.ApprovalFlowDefined(
        A, 1, "flow", approvals.SubjectKind.QUOTE, steps, None, discount, priority, True
    )


def an_approval(*steps: approvals.FlowStep) -> approvals.Approval:
    (requested,) = approvals.request(A, approvals.SubjectKind.QUOTE, B, 1, "Q", yuan(100), 0, D, a_flow(*steps), None)
    return approvals.evolve(None, requested)


def test_the_flow_with_the_highest_priority_that_fits_decides_and_steps_have_conditions() -> None:
    small = a_flow(a_step("one", ANY, A), priority=1)
    large = a_flow(a_step("one", ANY, A), a_step("two", ANY, B, amount=1_000), priority=2, discount=500)
    kind = approvals.SubjectKind.QUOTE
    assert approvals.flow_for([small, large], kind, yuan(1), 400) is small
    assert approvals.flow_for([small, large], kind, yuan(1), 500) is large
    special = a_flow(a_step("one", ANY, B), priority=1, discount=300)
    for flows in ([small, special], [special, small]):
        assert approvals.flow_for(flows, kind, yuan(1), 400) is special, "of equals the stricter one"
    assert [s.step_id for s in approvals.steps_of(large, yuan(999), 0)] == ["one"]
    assert [s.step_id for s in approvals.steps_of(large, yuan(1_000), 0)] == ["one", "two"]
    assert approvals.flow_for([small], approvals.SubjectKind.ORDER, yuan(1), 0) is None
    with pytest.raises(DomainError, match="no approval flow fits"):
        approvals.request(A, kind, B, 1, "Q", yuan(1), 0, D, None, None)


@given(
    st.lists(st.tuples(st.sampled_from([ANY, ALL]), st.sets(st.sampled_from([A, B, C]), min_size=1)), min_size=1),
    st.lists(st.tuples(st.sampled_from([A, B, C, D]), st.sampled_from(approvals.Decision)), max_size=40),
)
def test_granted_means_every_step_said_yes_and_decided_is_decided(
    flow: list[tuple[approvals.StepRule, set[UUID]]], said: list[tuple[UUID, approvals.Decision]]
) -> None:
    state = an_approval(*(a_step(str(i), rule, *sorted(people)) for i, (rule, people) in enumerate(flow)))
    yes: dict[str, set[UUID]] = {}
    outcome: object = None
    for person, decision in said:
        try:
            new = state.give_opinion(person, decision, "because")
        except DomainError:
            continue
        assert outcome is None, "nothing follows a decision"
        for event in new:
            if isinstance(event, approvals.OpinionGiven) and event.decision == approvals.Decision.APPROVE:
                yes.setdefault(event.step_id, set()).add(event.approver_id)
            if isinstance(event, approvals.ApprovalGranted | approvals.ApprovalRejected | approvals.ApprovalReturned):
                outcome = event
        state = reduce(approvals.evolve, new, state)
    if isinstance(outcome, approvals.ApprovalGranted):
        for i, (rule, people) in enumerate(flow):
            assert yes[str(i)] == people if rule == ALL else yes[str(i)] & people


@pytest.mark.feature("CUS-38")
def test_a_successor_who_decides_anyway_decides_once() -> None:
    state = an_approval(a_step("one", ALL, A, B))
    for event in state.hand_over(A, B, "handover: left"):
        state = approvals.evolve(state, event)
    assert state.waiting_for == (B,)
    assert state.hand_over(A, D, "handover: left") == [], "it no longer waits for the leaver"
    assert any(isinstance(e, approvals.ApprovalGranted) for e in state.give_opinion(B, approvals.Decision.APPROVE, ""))


@pytest.mark.feature("CUS-38")
def test_a_quote_gets_another_owner_once() -> None:
    state, heir = a_quote(0), UUID(int=77)
    [transferred] = state.transfer(heir, "handover: left")
    state = quote.evolve(state, transferred)
    assert state.owner_id == heir
    assert state.transfer(heir, "handover: left") == []


def test_a_stand_in_decides_for_the_one_who_delegated() -> None:
    state = an_approval(a_step("one", ALL, A, B))
    (delegated,) = state.delegate(A, D, "holiday")
    state = approvals.evolve(state, delegated)
    assert set(state.waiting_for) == {D, B}
    opinion = state.give_opinion(D, approvals.Decision.APPROVE, "")[0]
    assert isinstance(opinion, approvals.OpinionGiven)
    assert (opinion.approver_id, opinion.on_behalf_of_id) == (D, A)
    with pytest.raises(approvals.NotAnApprover):
        state.give_opinion(A, approvals.Decision.APPROVE, "")


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [("HT-{yyyy}-{seq:5}", "HT-2026-00042"), ("C{yy}{mm}/{seq}", "C2605/42")],
)
def test_a_number_is_printed_by_its_pattern(pattern: str, printed: str) -> None:
    assert contract.number(pattern, DAY, 42) == printed


@pytest.mark.parametrize("pattern", ["HT-{seq}", "HT-{yyyy}", "{yyyy}-{seq:0}", "{yyyy}{seq}{x}", "{yyyy}{seq"])
def test_a_pattern_that_would_repeat_or_not_print_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidArgument, match="number_pattern"):
        contract.set_contract_policy(contract.ContractPolicySet(A, pattern, 14))


def an_order(total: int) -> order.Order:
    placed = order.OrderPlaced(
        A, "SO-1", B, None, None, None, C, (), yuan(total), yuan(0), yuan(total), "0", DAY, "", None, ""
    )
    return order.evolve(None, placed)


@given(
    st.lists(st.tuples(st.integers(1, 28), st.integers(1, 500)), min_size=1, max_size=6),
    st.lists(st.integers(1, 900), max_size=8),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 300)), max_size=4),
)
def test_money_is_neither_lost_nor_made(
    plan: list[tuple[int, int]], payments: list[int], write_offs: list[tuple[int, int]]
) -> None:
    total = sum(amount for _, amount in plan)
    state = an_order(total)
    instalments = [(UUID(int=100 + i), date(2026, 6, day), yuan(n)) for i, (day, n) in enumerate(plan)]
    state = reduce(order.evolve, state.plan(instalments), state)
    with pytest.raises(InvalidArgument):
        state.plan([(D, DAY, yuan(1))])
    for i, amount in enumerate(payments):
        state = reduce(order.evolve, state.receive(UUID(int=i), yuan(amount), DAY, "bank", f"r{i}"), state)
        assert state.receive(D, yuan(amount), DAY, "bank", f"r{i}") == []
    for i, amount in write_offs:
        if i < len(plan):
            try:
                state = reduce(order.evolve, state.write_off(UUID(int=100 + i), yuan(amount), "small"), state)
            except DomainError:
                continue
    assert state.unallocated is not None
    applied = sum(r.paid.minor_units for r in state.receivables)
    assert applied + state.unallocated.minor_units == sum(payments)
    assert all(r.outstanding.minor_units >= 0 for r in state.receivables)
    late = [r for r in state.receivables if r.outstanding.minor_units and r.paid.minor_units]
    assert len(late) <= 1, "the oldest is settled before the next gets anything"


def test_a_shipped_order_is_not_cancelled_and_an_unconfirmed_one_not_shipped() -> None:
    state = an_order(100)
    with pytest.raises(DomainError, match="only a confirmed one"):
        state.ship(DAY, "", "")
    state = reduce(order.evolve, state.confirm(), state)
    assert state.confirm() == []
    state = reduce(order.evolve, state.ship(DAY, "", ""), state)
    with pytest.raises(DomainError, match="left the house"):
        state.cancel("no")


def test_a_dealers_list_beats_the_standard_list_beats_the_catalogue() -> None:
    product = catalogue.evolve_product(None, catalogue.ProductListed(A, "P", "Pump", "", yuan(100), "piece", 0, "", ""))

    def a_list(id_: UUID, price: int, *dealers: UUID, until: date | None = None) -> catalogue.PriceListDefined:
        kind = catalogue.PriceListKind.DEALER if dealers else catalogue.PriceListKind.STANDARD
        entries = (catalogue.PriceEntry(A, yuan(price)),)
        return catalogue.PriceListDefined(id_, 1, "l", kind, dealers, "CNY", entries, None, until)

    lists = [a_list(B, 90), a_list(C, 95, D), a_list(D, 1, D, until=date(2026, 4, 30))]
    assert catalogue.price_of(product, lists, D, DAY).unit_price == yuan(95)
    assert catalogue.price_of(product, lists, B, DAY).unit_price == yuan(90)
    assert catalogue.price_of(product, [], None, DAY).unit_price == yuan(100)
    assert catalogue.price_of(product, lists, D, date(2026, 4, 30)).unit_price == yuan(1)
    with pytest.raises(DomainError, match="no price in USD"):
        catalogue.price_of(product, lists, D, DAY, "USD")


def a_costed_product(*events: catalogue.ProductEvent) -> catalogue.Product:
    listed = catalogue.ProductListed(A, "P", "Pump", "", yuan(100), "piece", 0, "", "")
    state = reduce(catalogue.evolve_product, (listed, *events), None)  # type: ignore[arg-type]
    assert isinstance(state, catalogue.Product)
    return state


def test_a_cost_holds_from_its_day_in_its_currency_until_the_next_one() -> None:
    may, june = date(2026, 5, 1), date(2026, 6, 1)
    dollars = catalogue.ProductCostSet(A, Money(9, "USD"), may)
    said = [catalogue.ProductCostSet(A, yuan(70), june), catalogue.ProductCostSet(A, yuan(60), may), dollars]
    product = a_costed_product(*said)
    found = [catalogue.cost_of(product.costs, on, "CNY") for on in (date(2026, 4, 30), may, date(2026, 5, 31), june)]
    assert found == [None, yuan(60), yuan(60), yuan(70)]
    assert catalogue.cost_of(product.costs, june, "USD") == Money(9, "USD")
    assert catalogue.cost_of(product.costs, june, "EUR") is None
    assert product.set_cost(yuan(60), may) == [], "said already"
    corrected = a_costed_product(*said, *product.set_cost(yuan(65), may))  # type: ignore[arg-type]
    assert catalogue.cost_of(corrected.costs, may, "CNY") == yuan(65)
    assert len(corrected.costs) == 3


def test_a_cost_is_not_negative_and_a_withdrawn_product_gets_none() -> None:
    with pytest.raises(InvalidArgument, match="unit_cost"):
        a_costed_product().set_cost(yuan(-1), DAY)
    with pytest.raises(DomainError, match="withdrawn"):
        a_costed_product(catalogue.ProductWithdrawn(A, "")).set_cost(yuan(1), DAY)


def test_an_order_carries_the_costs_known_when_it_was_placed() -> None:
    def a_draft(product_id: UUID | None, quantity: str, price: int, discount: int = 0) -> quote.LineDraft:
        return quote.LineDraft(product_id, "it", quantity, yuan(price), yuan(price), discount, 0)

    drafts = [a_draft(A, "3", 33_33, 500), a_draft(B, "1", 500), a_draft(None, "1", 700), a_draft(C, "0.5", 10_01)]
    placed = placed_order(D, "1", drafts, DAY, customer_id=A, owner_id=None)
    costs = {A: yuan(20_01), B: Money(1, "USD"), C: yuan(3_33), D: yuan(1)}
    _, costed = order.place(placed, costs)
    assert costed == order.OrderCosted(
        D,
        (order.CostedLine("1", yuan(20_01)), order.CostedLine("4", yuan(3_33))),
        "61.695",  # 3 x 20.01 + 0.5 x 3.33
        "99.9955",  # 3 x 33.33 - 5 % + 0.5 x 10.01; not the line in dollars' cost, nor the one without a product
    )
    assert order.place(placed, {B: Money(1, "USD")}) == [placed], "no cost is known, so nothing is said of one"
    assert order.place(placed) == [placed]


@pytest.mark.parametrize(("currency", "major"), [("CNY", "25"), ("JPY", "2500"), ("KWD", "2.5")])
def test_an_exact_amount_is_in_major_units_of_its_currency(currency: str, major: str) -> None:
    priced = totals([Position("2.5", Money(1000, currency), 0, 0)])
    assert priced.net_exact == major
    assert priced.net_total == Money(2500, currency)
