"""The campaigns' judge is judged: whatever is wrong after a campaign, it says so."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from testkit.campaign.audit import Audit
from testkit.campaign.injuries import superuser
from testkit.campaign.load import Load

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

_WON = "(select event_id from inbox where consumer = 'reactions' order by event_id limit 1)"
_FIRST_DEAL = "(select min(opportunity_id::text)::uuid from deals)"

WRONG = [
    (
        *("acknowledged and lost", "customer"),
        "update events set request_id = 'x' || request_id where topic like '%CustomerRegistered' and {mine}",
        "update events set request_id = substr(request_id, 2) where request_id like 'x%'",
    ),
    (
        *("skips to", "pipeline"),
        "update events set originator_version = originator_version + 100 where notification_id ="
        " (select max(notification_id) from events)",
        "update events set originator_version = originator_version - 100 where originator_version > 100",
    ),
    (
        *("customers: 1 of", "customer"),
        "update customers set status = status + 2 where customer_id ="
        " (select min(customer_id::text)::uuid from customers)",
        "update customers set status = status - 2 where status > 2",
    ),
    (
        *("deals in analytics: 1 of", "analytics"),
        f"update deals set amount = amount + 1000000000 where opportunity_id = {_FIRST_DEAL}",
        "update deals set amount = amount - 1000000000 where amount > 1000000000",
    ),
    (
        *("versions of tickets: 1 of", "ticketing"),
        "update tickets set version = version + 100 where ticket_id = (select min(ticket_id::text)::uuid from tickets)",
        "update tickets set version = version - 100 where version > 100",
    ),
    (
        *("timers of follow-ups: 1 of", "customer"),
        "update timers set kind = 'lost' where key ="
        " (select min(key) from timers where kind = 'follow_up_due' and due_at > now() + interval '1 day')",
        "update timers set kind = 'follow_up_due' where kind = 'lost'",
    ),
    (
        *("customer never reacted to", "customer"),
        f"update inbox set consumer = 'lost' where event_id = {_WON}",
        "update inbox set consumer = 'reactions' where consumer = 'lost'",
    ),
    (
        *("messages shown and messages queued differ", "notification"),
        "update messages set message_id = '00000000-0000-0000-0000-000000000001' where message_id ="
        " (select min(message_id::text)::uuid from messages)",
        "update messages m set message_id = e.originator_id from events e where m.message_id ="
        " '00000000-0000-0000-0000-000000000001' and e.originator_id not in (select message_id from messages)"
        " and e.topic like '%MessageQueued'",
    ),
]
"""What the audit says, whose database, what makes it so, and what takes it back."""


def test_the_audit_finds_whatever_is_wrong(suite: Any, seed: int) -> None:
    audit = Audit(suite)
    with Load(suite, seed) as load:
        load.go_on(120)
    load.settle()
    audit.check(load)
    for says, context, wrong, undo in WRONG:
        with superuser(suite, context) as connection:
            done = connection.execute(wrong.replace("{mine}", f"request_id = '{load.commands[0].request_id}'").encode())
            assert done.rowcount == 1, wrong
            try:
                with pytest.raises(AssertionError, match=says):
                    audit.compare(load)
            finally:
                connection.execute(undo.encode())
    mail = next(suite.home.mail.glob("*.eml"))
    again = mail.with_name("again.eml")
    shutil.copy(mail, again)
    with pytest.raises(AssertionError, match="mailed twice"):
        audit.compare(load)
    again.unlink()
    audit.compare(load)
