"""What this service holds of people in clear, and how it lets go of it.

Texts are put into words when they are sent and never kept; what somebody wrote by hand is.
"""

from __future__ import annotations

from kernel.forgetting import PersonalData, Purge

_GONE = "'[erased]'"

PURGES = (
    Purge(
        "messages",
        ("title", "text"),
        f"update messages set title = case title when '' then '' else {_GONE} end,"
        f" text = case text when '' then '' else {_GONE} end where recipient_id = any(%(ids)s)"
        f" and (title not in ('', {_GONE}) or text not in ('', {_GONE}))",
    ),
)

PERSONAL = PersonalData(PURGES)
