"""One trace from a person's request to the row that another service writes because of it."""

from __future__ import annotations

import secrets
from typing import Any

from testkit.collector import Collector, Told
from testkit.waiting import wait_until

NAME, PHONE, EMAIL = "Wanda Trackless", "13955667788", "wanda@trackless.example"


def test_a_request_is_followed_to_the_row_that_another_service_writes_of_it(suite: Any, collector: Collector) -> None:
    trace_id, browser = secrets.token_hex(16), secrets.token_hex(8)
    suite.admin.post(
        "/v1/customers",
        {"profile": {"name": NAME, "phones": [PHONE], "emails": [EMAIL]}},
        headers={"traceparent": f"00-{trace_id}-{browser}-01"},
    )

    def of_the_trace() -> list[Told]:
        return [told for told in collector.spans() if told.trace == trace_id]

    def named(name: str, process: str, below: Told | None) -> Told | None:
        parent = below.id if below else browser
        return next(
            (it for it in of_the_trace() if (it.span.name, it.process, it.parent) == (name, process, parent)), None
        )

    def chain() -> list[Told]:
        """From the request to the view; as far as it is known."""
        found: list[Told] = []
        for name, process in (
            ("POST v1", "gateway"),
            ("crm.customer.v1.CustomerService/RegisterCustomer", "apis"),
            ("append", "apis"),
            ("publish crm.customer.v1.CustomerRegistered", "apis"),
            ("analytics views", "buses"),
        ):
            span = named(name, process, found[-1] if found else None)
            if span is None:
                return found
            found.append(span)
        return found

    whole = wait_until(
        lambda: chain() if len(chain()) == 5 else [],
        describe=lambda: [(it.process, it.span.name, it.id, it.parent) for it in of_the_trace()],
    )
    handled = whole[-1]
    # What others caused may be handled in the same batch: it is written below the first one's span, and ours says so.
    batch = {link.span_id.hex() for link in handled.span.links} or {handled.id}
    views = wait_until(lambda: [it for it in collector.spans() if it.parent in batch])
    assert {"project customers", "project audit"} <= {it.span.name for it in views}
    assert not any(told.span.status.code == told.span.status.STATUS_CODE_ERROR for told in whole)
    order = [told.span.start_time_unix_nano for told in whole]
    assert order == sorted(order)
    assert whole[2].span.end_time_unix_nano <= whole[3].span.start_time_unix_nano, "published before it was written"

    said = " ".join(str(told.span) for told in (*of_the_trace(), *views))
    assert not [personal for personal in (NAME, PHONE, EMAIL) if personal in said]
