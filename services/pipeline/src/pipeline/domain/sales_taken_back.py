"""What takes back a change of a quote, an approval, a contract or an order, by the decisions that people have too.

What has left the house, what somebody decided and what was paid stays: others act on it. An approval that is asked
for goes with its request, and so does what it holds up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kernel.reversals import (
    WHOLE,
    Change,
    Irreversible,
    Reason,
    Taking,
    differing,
    goes_along,
    stays,
    taken_back,
    with_former,
)
from pipeline.domain import approval as approvals
from pipeline.domain import contract as contracts
from pipeline.domain import order as orders
from pipeline.domain import quote as quotes
from pipeline.domain.approval import Approval
from pipeline.domain.contract import Contract, ContractState
from pipeline.domain.order import Order
from pipeline.domain.quote import Quote

REASON = "taken back"
OWNER, STATE, CONTENT = "owner", "state", "content"


def _owner(taking: Taking) -> Sequence[Any]:
    if taking.before.owner_id is None:
        raise Irreversible(Reason("nobody_had_it", "nobody had it before; give it to somebody"))
    now: Quote | Contract | Order = taking.now
    return now.transfer(taking.before.owner_id, REASON)


# -- quotes ------------------------------------------------------------------------


def _said(before: Quote, after: Quote, event: quotes.QuoteRevised) -> Collection[str]:
    return {CONTENT} if before.state is after.state else {CONTENT, STATE}


def _quote_revised(taking: Taking) -> list[quotes.Event]:
    now: Quote = taking.now
    if STATE in taking.fields:
        raise Irreversible(_NO_DRAFT)
    return now.offer_again(taking.before)


def _quote_submitted(taking: Taking) -> list[quotes.Event] | None:
    """A draft again, if nobody had to approve it; else it goes with the approval."""
    event: quotes.QuoteSubmitted = taking.event
    now: Quote = taking.now
    if event.approval_id is not None:
        return None
    return now.offer_again(now) if STATE in taking.fields else []


_NO_DRAFT = Reason("was_no_draft", "it was no draft before: write what it said, and submit it again")
_SAID = Reason(
    "customer_said_so", "the customer said so, and only he says something else: revise the quote, or offer another one"
)

QUOTE: Mapping[type, Change] = {
    quotes.QuoteDrafted: stays(Reason("quote_draft", "a draft binds nobody: leave it, or revise it")),
    quotes.QuoteRevised: taken_back(_quote_revised, _said),
    quotes.QuoteSubmitted: taken_back(_quote_submitted, CONTENT, STATE),
    quotes.QuoteApproved: goes_along(CONTENT, STATE),
    quotes.QuoteTurnedDown: goes_along(CONTENT, STATE),
    quotes.QuoteSent: stays(Reason("quote_sent", "it has left the house: send a revised one"), CONTENT, STATE),
    quotes.QuoteAccepted: stays(_SAID, CONTENT, STATE),
    quotes.QuoteDeclined: stays(_SAID, CONTENT, STATE),
    quotes.QuoteExpired: goes_along(),
    quotes.QuoteTransferred: taken_back(_owner, OWNER),
}


# -- approvals ---------------------------------------------------------------------


def _requested(taking: Taking) -> list[approvals.Event]:
    now: Approval = taking.now
    return now.withdraw(None, REASON)


def _delegated(taking: Taking) -> list[approvals.Event]:
    event: approvals.ApprovalDelegated = taking.event
    now: Approval = taking.now
    if now.step != taking.before.step:
        raise Irreversible(Reason("approval_went_on", "it has gone on to the next step since"))
    return now.delegate(event.to_person_id, event.from_person_id, REASON)


_DECIDED = Reason(
    "approval_decided", "what somebody decided stays on record, and others act on it: ask for another approval"
)

APPROVAL: Mapping[type, Change] = {
    approvals.ApprovalRequested: taken_back(_requested, WHOLE),
    approvals.OpinionGiven: stays(_DECIDED, STATE),
    approvals.ApprovalStepReached: goes_along(),
    approvals.ApprovalDelegated: taken_back(_delegated, "approvers"),
    approvals.ApprovalGranted: stays(_DECIDED, STATE),
    approvals.ApprovalRejected: stays(_DECIDED, STATE),
    approvals.ApprovalReturned: stays(_DECIDED, STATE),
    approvals.ApprovalWithdrawn: stays(
        Reason("approval_withdrawn", "what was withdrawn is asked for anew: submit it again"), STATE
    ),
}


# -- contracts ---------------------------------------------------------------------

_TERMS = ("title", "parties", "amount", "starts_on", "ends_on")


def _rewritten(before: Contract, after: Contract, event: contracts.ContractRevised) -> Collection[str]:
    terms = differing(before.terms, after.terms)
    return terms if before.state is after.state else terms | {STATE}


def _drawn_up(taking: Taking) -> list[contracts.Event]:
    event: contracts.ContractDrawnUp = taking.event
    now: Contract = taking.now
    if now.state is ContractState.SIGNED:
        raise Irreversible(_SIGNED)
    return now.terminate(event.starts_on, REASON)


def _contract_revised(taking: Taking) -> list[contracts.Event]:
    now: Contract = taking.now
    if STATE in taking.fields:
        raise Irreversible(_NO_DRAFT)
    return now.rewrite(with_former(now.terms, taking.before.terms, taking.fields))


def _contract_submitted(taking: Taking) -> list[contracts.Event] | None:
    event: contracts.ContractSubmitted = taking.event
    now: Contract = taking.now
    if event.approval_id is not None:
        return None
    return now.rewrite(now.terms) if STATE in taking.fields else []


_SIGNED = Reason("contract_signed", "a signed contract binds both sides: terminate it, if that is what is wanted")

CONTRACT: Mapping[type, Change] = {
    contracts.ContractDrawnUp: taken_back(_drawn_up, WHOLE),
    contracts.ContractRevised: taken_back(_contract_revised, _rewritten),
    contracts.ContractFileAttached: stays(
        Reason("contract_file", "a file stays with the contract: attach the right one"), "files"
    ),
    contracts.ContractSubmitted: taken_back(_contract_submitted, *_TERMS, STATE),
    contracts.ContractApproved: goes_along(*_TERMS, STATE),
    contracts.ContractTurnedDown: goes_along(*_TERMS, STATE),
    contracts.ContractSigned: stays(_SIGNED, *_TERMS, STATE),
    contracts.ContractTerminated: stays(
        Reason("contract_terminated", "a terminated contract has ended: draw up another one"), *_TERMS, STATE
    ),
    contracts.ContractExpiryNear: goes_along(),
    contracts.ContractTransferred: taken_back(_owner, OWNER),
}
CONTRACT_NUMBER: Mapping[type, Change] = {
    contracts.ContractNumberIssued: stays(
        Reason("contract_number", "numbers have no gaps: it stays with its contract")
    ),
}


# -- orders and the money owed for them --------------------------------------------


def _placed(taking: Taking) -> list[orders.Event]:
    now: Order = taking.now
    if any(amount.minor_units for amount in (now.paid, *(it.written_off for it in now.receivables)) if amount):
        raise Irreversible(
            Reason("order_money_moved", "money came in for it, or was written off: settle that, then cancel it")
        )
    return now.cancel(REASON, now.import_id)


ORDER: Mapping[type, Change] = {
    orders.OrderPlaced: taken_back(_placed, WHOLE),
    orders.OrderCosted: goes_along(),
    orders.OrderSubmitted: goes_along(STATE),
    orders.OrderApproved: goes_along(STATE),
    orders.OrderTurnedDown: goes_along(STATE),
    orders.OrderConfirmed: stays(
        Reason("order_confirmed", "others act on a confirmed order at once: cancel it, if that is what is wanted"),
        STATE,
    ),
    orders.OrderShipped: stays(Reason("order_shipped", "it has left the house"), STATE),
    orders.OrderDelivered: stays(Reason("order_delivered", "it was handed over to the customer"), STATE),
    orders.OrderCancelled: stays(Reason("order_cancelled", "a cancelled order is told at once: place it again"), STATE),
    orders.ReceivablePlanned: stays(
        Reason("instalment_owed", "an instalment that was agreed is owed: write it off, with a reason"), "receivables"
    ),
    orders.PaymentReceived: stays(Reason("payment_booked", "money that came in stays booked: pay it back"), "money"),
    orders.ReceivableSettled: goes_along(),
    orders.ReceivableWrittenOff: stays(
        Reason("loss_booked", "a loss that was booked stays booked: record what is paid after all"), "money"
    ),
    orders.ReceivableOverdue: goes_along(),
    orders.OrderTransferred: taken_back(_owner, OWNER),
}
