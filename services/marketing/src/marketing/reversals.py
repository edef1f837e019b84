"""How what people did in marketing is taken back, record by record; see kernel.undoing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from kernel.reversals import Reversals, kept
from kernel.store import Transaction
from marketing.domain import campaign, form, journey, journey_run, mailing, message, preference, segment, template
from marketing.domain import taking_back as it


def _append_paused(tx: Transaction[Any], stream: UUID, state: Any, version: int, events: Sequence[Any]) -> None:
    """Nobody else is let in."""
    if any(isinstance(event, journey.JourneyPaused) for event in events):
        tx.cancel_timer(f"enrol:{stream}")
    tx.append(stream, version, events)


def _append_left(tx: Transaction[Any], stream: UUID, state: Any, version: int, events: Sequence[Any]) -> None:
    """Nobody is led on."""
    tx.cancel_timer(f"run:{stream}")
    tx.append(stream, version, events)


REVERSALS: Sequence[Reversals] = (
    Reversals("campaign", it.CAMPAIGN, campaign.evolve),
    Reversals("segment", it.SEGMENT, segment.evolve),
    Reversals("template", it.TEMPLATE, template.evolve),
    Reversals("form", it.FORM, form.evolve),
    Reversals("journey", it.JOURNEY, journey.evolve, _append_paused),
    Reversals("journey run", it.RUN, journey_run.evolve, _append_left),
    Reversals("mailing", it.MAILING, mailing.evolve),
    Reversals("message", it.MESSAGE, message.evolve),
    Reversals("contact policy", it.POLICY, preference.evolve_policy),
    *(kept(record, reasons) for record, reasons in it.STAYING.items()),
)
"""How each kind of record is taken back."""
