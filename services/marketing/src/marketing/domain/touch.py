"""A touch: somebody saw, did or attended something of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from kernel.errors import InvalidArgument
from marketing.domain.campaign import checked_channel

VISIT_KINDS = ("form-viewed", "downloaded-manual", "watched-demo")
"""What a page may tell of a visitor nobody knows yet."""

_KIND = re.compile(r"[a-z][a-z0-9-]{1,39}")
_MOST_UTM = 10
_LONGEST_UTM = 200


@dataclass(frozen=True, slots=True)
class TouchRecorded:
    touch_id: UUID
    kind: str
    channel: str
    campaign_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    lead_id: UUID | None
    visitor_id: UUID | None
    form_id: UUID | None
    utm: dict[str, str]


TouchEvent = TouchRecorded


def checked_utm(utm: dict[str, str]) -> dict[str, str]:
    """Return what is worth keeping of a visit's utm parameters; drop what is not one."""
    kept = {key[:50]: value[:_LONGEST_UTM] for key, value in sorted(utm.items()) if key.startswith("utm_") and value}
    return dict(list(kept.items())[:_MOST_UTM])


def record_touch(
    touch_id: UUID,
    kind: str,
    channel: str,
    *,
    campaign_id: UUID | None = None,
    customer_id: UUID | None = None,
    contact_id: UUID | None = None,
    lead_id: UUID | None = None,
    visitor_id: UUID | None = None,
    form_id: UUID | None = None,
    utm: dict[str, str] | None = None,
) -> list[TouchEvent]:
    """Record a touch of a customer, a lead or a visitor; refuse one of nobody."""
    if not _KIND.fullmatch(kind):
        raise InvalidArgument("kind", "must be a short code such as ad-clicked or attended")
    if customer_id is None and lead_id is None and visitor_id is None:
        raise InvalidArgument("customer_id", "name the customer, the lead or the visitor")
    return [
        TouchRecorded(
            touch_id,
            kind,
            checked_channel("channel", channel),
            campaign_id,
            customer_id,
            contact_id,
            lead_id,
            visitor_id,
            form_id,
            checked_utm(utm or {}),
        )
    ]
