"""How the desk is set up names nobody who has left; nobody inherits skills."""

from dataclasses import replace
from uuid import UUID

import pytest

from ticketing.domain.desk import (
    AgentProfiled,
    CalendarDefined,
    EscalationStep,
    QueueDefined,
    SlaPolicyDefined,
    SlaTarget,
    SurveyRulesDefined,
    without,
)
from ticketing.domain.vocabulary import Priority

LEAVER, HEIR, OTHER = (UUID(int=n) for n in (1, 2, 3))
POLICY = SlaPolicyDefined(
    UUID(int=4),
    7,
    "usual",
    UUID(int=5),
    (),
    (SlaTarget(Priority.NORMAL, 60, 600),),
    80,
    (EscalationStep(60, OTHER), EscalationStep(120, LEAVER)),
    0,
)


@pytest.mark.feature("CUS-38")
@pytest.mark.parametrize(
    ("defined", "wanted"),
    [
        (QueueDefined(UUID(int=6), "q", "Q", "d", LEAVER), {"supervisor_id": HEIR}),
        (AgentProfiled(LEAVER, ("q",), ("pumps",), 5, True), {"available": False}),
        (SurveyRulesDefined(UUID(int=8), 3, 0, 2, True, True, LEAVER), {"supervisor_id": HEIR, "version": 4}),
        (POLICY, {"escalation": (EscalationStep(60, OTHER), EscalationStep(120, HEIR)), "version": 8}),
    ],
)
def test_the_successor_is_named_where_the_leaver_was(defined, wanted):
    assert without(defined, LEAVER, HEIR) == [replace(defined, **wanted)]
    assert without(defined, UUID(int=99), HEIR) == [], "who is not named changes nothing"


def test_a_calendar_names_nobody():
    assert without(CalendarDefined(UUID(int=9), 1, "c", "UTC", (), (), 1), LEAVER, HEIR) == []
