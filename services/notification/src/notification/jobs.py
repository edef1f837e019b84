"""Work that asks other services: sending e-mail, and telling whoever holds a permission.

An e-mail: ask for the address, record the attempt, send, record how it ended.

The attempt is in the log before the first byte of the message leaves. If the worker dies before the outcome
is recorded, nobody can know whether the message arrived, and it is not sent again by itself: the log says so,
and a person may retry it. A connection that cannot be made is known to have sent nothing and is retried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import Unavailable
from kernel.timers import JobHandler, Timer, Worker
from notification.application import TELL_OF_RETENTION, Notice, Notification
from notification.domain.message import Message, RecipientKind, State, evolve
from notification.domain.preferences import PreferencesSet
from notification.domain.templates import Rendered, render
from notification.mail import MailServer, NotSent, is_address
from notification.projections.preferences import preferences_of
from notification.records import NOTHING, Record, describe

_TIMEOUT_S = 5.0
_MOST_TOLD = 100
_PURPOSES = {"survey": "research"}
CONSENT = "NOTIFICATION_CONSENT"
"""Variable: "not-needed" where no message can reach a customer anyway. Else nothing leaves without consent."""

notification = Notification()


def send_mail(timer: Timer, worker: Worker) -> None:
    message_id = UUID(timer.payload["message_id"])
    server = MailServer.of(worker.settings.extra)
    header = server.message_id(str(message_id))
    with worker.transaction() as tx:
        message = tx.load(message_id, evolve).state
        if message is None or message.state not in (State.QUEUED, State.RETRYING):
            notification.begin_attempt(tx, message_id, header)  # says so if an attempt was cut short
            return
        preferences = preferences_of(tx.cursor, message.recipient_id)
    try:
        address = _unless_away(lambda: _address(worker, message))
    except NotSent as error:
        _not_sent(worker, message_id, header, error)
        return
    if not is_address(address):
        _not_sent(worker, message_id, header, NotSent("the recipient has no e-mail address", True))
        return
    words = _words(worker, message, preferences, server)
    try:
        with server.connected() as client:
            with worker.transaction() as tx:
                if notification.begin_attempt(tx, message_id, header) is None:
                    return
            now = worker.store.clock()
            try:
                server.send(client, header, address, words.title, words.text, now)
            except NotSent as error:
                with worker.transaction() as tx:
                    notification.record_failed(tx, message_id, error.reason, error.permanent)
            else:
                with worker.transaction() as tx:
                    notification.record_delivered(tx, message_id)
    except NotSent as error:
        _not_sent(worker, message_id, header, error)


def _not_sent(worker: Worker, message_id: UUID, header: str, error: NotSent) -> None:
    """Record an attempt that ended before anything left."""
    with worker.transaction() as tx:
        if notification.begin_attempt(tx, message_id, header) is not None:
            notification.record_failed(tx, message_id, error.reason, error.permanent)


def _unless_away(ask: Callable[[], str]) -> str:
    """Return the answer; raise Unavailable, which is retried without counting, when nobody is there."""
    import grpc

    try:
        return ask()
    except grpc.RpcError as error:
        code: Any = error.code() if isinstance(error, grpc.Call) else None
        if code == grpc.StatusCode.NOT_FOUND:
            return ""
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise Unavailable("whoever knows the address is away") from error
        raise


def _address(worker: Worker, message: Message) -> str:
    if message.recipient_kind == RecipientKind.PERSON:
        return _address_of_colleague(worker, message.recipient_id)
    return _address_of_contact(worker, message)


def _address_of_colleague(worker: Worker, person_id: UUID) -> str:
    from crm.identity.v1 import identity_service_pb2 as pb
    from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

    stub = IdentityServiceStub(worker.peer("identity"))
    person = stub.GetPerson(pb.GetPersonRequest(person_id=str(person_id)), timeout=_TIMEOUT_S).person
    return "" if person.left else str(person.email)


def _address_of_contact(worker: Worker, message: Message) -> str:
    from crm.customer.v1 import customer_service_pb2 as pb
    from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

    stub = CustomerServiceStub(worker.peer("customer"))
    request = pb.GetCustomerRequest(customer_id=str(message.customer_id))
    found = stub.GetCustomer(request, timeout=_TIMEOUT_S)
    if message.recipient_id == message.customer_id:
        whose, address = "", str(found.card.email)
    else:  # somebody who is no contact any more gets nothing, nor does anybody in his place
        whose = str(message.recipient_id)
        address = next((str(c.emails[0]) for c in found.contacts if c.contact_id == whose and c.emails), "")
    purpose = _PURPOSES.get(message.kind, "service")
    consented = any((it.contact_id, it.channel, it.purpose) == (whose, "email", purpose) for it in found.consents)
    if not consented and worker.settings.extra.get(CONSENT, "") != "not-needed":
        raise NotSent(f"the recipient has not consented to e-mail for {purpose}", permanent=True)
    return address


def _words(worker: Worker, message: Message, preferences: PreferencesSet, server: MailServer) -> Rendered:
    """Put the message into words, with names and, for a colleague, where to click."""
    record = Record(message.subject_kind, message.subject_id, message.fields.get("customer_id", ""))
    found = describe(worker.peer, [record]).get(record, NOTHING)
    detail = found.detail
    if message.kind == "survey":
        detail = f"{server.public_url}/s/{_survey_token(worker, message.subject_id)}"
    words = render(
        message.kind,
        preferences.language,
        message.subject_kind,
        message.subject_id,
        message.fields,
        found.name,
        detail,
        message.title,
        message.text,
        preferences.timezone,
    )
    if message.recipient_kind == RecipientKind.CONTACT or not words.deep_link:
        return words
    return Rendered(words.title, f"{words.text}\n\n{server.public_url}{words.deep_link}", words.deep_link)


def _survey_token(worker: Worker, survey_id: str) -> str:
    from crm.ticketing.v1 import ticketing_service_pb2 as pb
    from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub

    stub = TicketingServiceStub(worker.peer("ticketing"))
    request = pb.GetSurveyLinkRequest(survey_id=survey_id)
    return _unless_away(lambda: str(stub.GetSurveyLink(request, timeout=_TIMEOUT_S).token))


def tell_of_retention(timer: Timer, worker: Worker) -> None:
    """Tell everybody who may forget people that some are due."""
    said = timer.payload
    notice = Notice("retention-due", "retention", said["look_id"], said["fields"])
    people = _who_may(worker, "customer.person.admin")
    with worker.transaction() as tx:
        for person_id in people:
            notification.tell(tx, person_id, notice, UUID(said["cause"]), said["historic"])


def _who_may(worker: Worker, permission: str) -> list[UUID]:
    """Return the staff whose roles include the permission, at most so many of each role."""
    from crm.identity.v1 import identity_service_pb2 as pb
    from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

    stub = IdentityServiceStub(worker.peer("identity"))
    roles = stub.ListRoles(pb.ListRolesRequest(), timeout=_TIMEOUT_S).roles
    found: set[UUID] = set()
    for role in roles:
        if Caller("person", "", permissions=tuple(role.permissions)).may(permission):
            asked = pb.ListPeopleRequest(role=role.role, page_size=_MOST_TOLD)
            found |= {UUID(it.person_id) for it in stub.ListPeople(asked, timeout=_TIMEOUT_S).people if not it.left}
    return sorted(found)


JOBS: Mapping[str, JobHandler] = {"send_mail": send_mail, TELL_OF_RETENTION: tell_of_retention}
