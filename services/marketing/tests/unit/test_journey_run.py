"""A journey is a map without circles; a run walks it by what it hears and by time, each step once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidArgument
from kernel.money import Money
from marketing.domain.journey import (
    ConditionKind,
    Definition,
    JourneyCondition,
    JourneyStep,
    StepKind,
    TriggerKind,
)
from marketing.domain.journey_run import (
    Fields,
    JourneyEntered,
    JourneyLeft,
    JourneyStepAwaited,
    JourneyStepTaken,
    LeaveReason,
    Run,
    RunEvent,
    Signal,
    evolve,
)
from marketing.domain.segment import SegmentField

RUN, JOURNEY, CUSTOMER, CONTACT, MAIL, COUPON_MAIL, SMS, PRODUCT = (UUID(int=n) for n in range(1, 9))
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY_S = 24 * 3600

STEPS = (
    JourneyStep("mail", "First mail", StepKind.SEND, "clicked", template_id=MAIL),
    JourneyStep(
        "clicked",
        "Clicked the prices?",
        StepKind.CONDITION,
        condition=JourneyCondition(ConditionKind.CLICKED, "mail", "pricing", within_s=7 * DAY_S),
        yes_step_id="coupon",
    ),
    JourneyStep(
        "coupon",
        "Coupon",
        StepKind.COUPON,
        "coupon-mail",
        coupon_value=Money(50_00, "CNY"),
        coupon_valid_days=30,
    ),
    JourneyStep("coupon-mail", "Coupon mail", StepKind.SEND, "opened", template_id=COUPON_MAIL),
    JourneyStep(
        "opened",
        "Opened?",
        StepKind.CONDITION,
        condition=JourneyCondition(ConditionKind.OPENED, "coupon-mail", within_s=5 * DAY_S),
        yes_step_id="wait",
    ),
    JourneyStep("wait", "Three days", StepKind.WAIT, "ordered", wait_s=3 * DAY_S),
    JourneyStep(
        "ordered",
        "Ordered?",
        StepKind.CONDITION,
        condition=JourneyCondition(ConditionKind.ORDERED),
        yes_step_id="",
        no_step_id="sms",
    ),
    JourneyStep("sms", "Reminder", StepKind.SEND, template_id=SMS),
)
EXAMPLE = Definition("Spring", TriggerKind.MANUAL, STEPS)
WITH_GOAL = Definition(
    "Spring", TriggerKind.MANUAL, STEPS, goal=JourneyCondition(ConditionKind.ORDERED, product_id=PRODUCT)
)
ORDERED = Signal(ConditionKind.ORDERED, product_ids=(str(PRODUCT),))
CLICKED = Signal(ConditionKind.CLICKED, "mail", "pricing")
OPENED = Signal(ConditionKind.OPENED, "coupon-mail")


def ids(step_id: str) -> UUID:
    return uuid5(RUN, step_id)


class Walk:
    """A run under way, with every event it gave."""

    def __init__(self, definition: Definition = EXAMPLE, fields: Fields | None = None) -> None:
        entered = JourneyEntered(RUN, JOURNEY, 1, CUSTOMER, CONTACT, None, None, None, START)
        self.definition, self.fields, self.now = definition, fields or {}, START
        self.events: list[RunEvent] = [entered]
        self.go()

    @property
    def run(self) -> Run:
        run = reduce(evolve, self.events, None)
        assert run is not None
        return run

    def go(self, days: float = 0) -> None:
        self.now += timedelta(days=days)
        self.events += self.run.proceed(self.definition, self.now, self.fields, ids)

    def hear(self, signal: Signal) -> None:
        self.events += self.run.hear(signal)
        self.go()

    @property
    def taken(self) -> list[str]:
        return [event.step_id for event in self.events if isinstance(event, JourneyStepTaken)]

    @property
    def sends(self) -> list[UUID]:
        return [e.send_id for e in self.events if isinstance(e, JourneyStepTaken) and e.send_id]

    @property
    def left(self) -> LeaveReason | None:
        return next((e.reason for e in self.events if isinstance(e, JourneyLeft)), None)


@pytest.mark.feature("MKT-12")
def test_click_the_tag_open_the_coupon_mail_do_not_order_and_be_reminded_by_sms() -> None:
    walk = Walk()
    assert walk.taken == ["mail"]
    walk.hear(CLICKED)
    assert walk.taken == ["mail", "clicked", "coupon", "coupon-mail"]
    walk.hear(OPENED)
    assert walk.run.waiting_until == START + timedelta(days=3)
    walk.go(days=2.9)
    assert walk.taken[-1] == "opened"
    walk.go(days=0.1)
    assert walk.taken[-3:] == ["wait", "ordered", "sms"]
    assert walk.left is LeaveReason.FINISHED
    assert len(set(walk.sends)) == 3


@pytest.mark.feature("MKT-12")
def test_who_never_clicks_gets_one_mail_and_nothing_more() -> None:
    walk = Walk()
    walk.go(days=7)
    assert walk.taken == ["mail", "clicked"]
    assert walk.left is LeaveReason.FINISHED


@pytest.mark.feature("MKT-13")
def test_another_tag_is_not_the_tag_that_was_asked_for() -> None:
    walk = Walk()
    walk.hear(Signal(ConditionKind.CLICKED, "mail", "imprint"))
    assert walk.taken == ["mail"]


@pytest.mark.feature("MKT-13")
def test_who_ordered_while_waiting_is_not_reminded() -> None:
    walk = Walk()
    walk.hear(CLICKED)
    walk.hear(OPENED)
    walk.hear(ORDERED)
    walk.go(days=3)
    assert "sms" not in walk.taken
    assert walk.left is LeaveReason.FINISHED


@pytest.mark.feature("MKT-13")
def test_reaching_the_goal_ends_the_run_at_once() -> None:
    walk = Walk(WITH_GOAL)
    walk.hear(Signal(ConditionKind.ORDERED, product_ids=("another",)))
    assert walk.left is None
    walk.hear(ORDERED)
    assert walk.left is LeaveReason.GOAL_REACHED
    walk.hear(CLICKED)
    walk.go(days=30)
    assert walk.taken == ["mail"]


@pytest.mark.feature("MKT-13")
@pytest.mark.parametrize(
    ("condition", "prepare", "answer"),
    [
        (
            JourneyCondition(ConditionKind.FORM_FILLED, form_id=MAIL),
            Signal(ConditionKind.FORM_FILLED, form_id=MAIL),
            True,
        ),
        (
            JourneyCondition(ConditionKind.FORM_FILLED, form_id=MAIL),
            Signal(ConditionKind.FORM_FILLED, form_id=SMS),
            False,
        ),
        (JourneyCondition(ConditionKind.FORM_FILLED), Signal(ConditionKind.FORM_FILLED, form_id=SMS), True),
        (JourneyCondition(ConditionKind.ELAPSED, within_s=DAY_S), None, True),
        (JourneyCondition(ConditionKind.ELAPSED, within_s=3 * DAY_S), None, False),
        (
            JourneyCondition(ConditionKind.FIELD_VALUE, field=SegmentField.LEVEL, values=("VIP", "A")),
            None,
            True,
        ),
        (JourneyCondition(ConditionKind.FIELD_VALUE, field=SegmentField.LEVEL, values=("C",)), None, False),
        (JourneyCondition(ConditionKind.OPENED), Signal(ConditionKind.OPENED, "mail"), True),
    ],
)
def test_every_kind_of_condition_answers(condition: JourneyCondition, prepare: Signal | None, answer: bool) -> None:
    steps = (
        JourneyStep("wait", "", StepKind.WAIT, "ask", wait_s=2 * DAY_S),
        JourneyStep("ask", "", StepKind.CONDITION, condition=condition, yes_step_id="yes", no_step_id="no"),
        JourneyStep("yes", "", StepKind.TAG, tag="warm"),
        JourneyStep("no", "", StepKind.EXIT),
    )
    walk = Walk(Definition("c", TriggerKind.MANUAL, steps), {SegmentField.LEVEL: frozenset({"VIP"})})
    if prepare:
        walk.hear(prepare)
    walk.go(days=2)
    assert walk.taken[-1] == ("yes" if answer else "no")
    assert walk.left is LeaveReason.FINISHED


def test_a_run_taken_out_hears_nothing_more() -> None:
    walk = Walk()
    walk.events += walk.run.leave(LeaveReason.TAKEN_OUT)
    assert walk.run.hear(CLICKED) == []
    assert walk.run.leave(LeaveReason.TAKEN_OUT) == []
    walk.go(days=30)
    assert walk.taken == ["mail"]


happenings = st.lists(st.one_of(st.sampled_from([CLICKED, OPENED, ORDERED]), st.floats(0, 9)), max_size=25)


@given(happenings, st.sampled_from([EXAMPLE, WITH_GOAL]))
def test_whatever_happens_each_step_is_taken_once_and_replaying_gives_the_same(
    sequence: Sequence[Signal | float], definition: Definition
) -> None:
    walk = Walk(definition)
    for happening in sequence:
        if isinstance(happening, Signal):
            walk.hear(happening)
            walk.hear(happening)  # told twice
        else:
            walk.go(days=happening)
            walk.go()
    assert len(walk.taken) == len(set(walk.taken))
    assert len(walk.sends) == len(set(walk.sends))
    assert sum(isinstance(event, JourneyLeft) for event in walk.events) <= 1
    if walk.run.left:
        assert walk.events[-1].__class__ is JourneyLeft
    else:
        assert isinstance(walk.run.waiting_until, datetime)
        assert any(isinstance(event, JourneyStepAwaited) for event in walk.events)
    walk.go(days=400)
    walk.go(days=400)
    walk.go(days=400)
    assert walk.run.left, "every run ends"


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ((), "steps"),
        ((JourneyStep("a", "", StepKind.TAG, "a", tag="x"),), "steps"),
        (
            (
                JourneyStep("a", "", StepKind.TAG, "b", tag="x"),
                JourneyStep("b", "", StepKind.TAG, "a", tag="x"),
            ),
            "steps",
        ),
        ((JourneyStep("a", "", StepKind.TAG, "nowhere", tag="x"),), "steps[0]"),
        ((JourneyStep("a", "", StepKind.SEND),), "steps[0].template_id"),
        ((JourneyStep("a", "", StepKind.WAIT),), "steps[0].wait_s"),
        ((JourneyStep("a", "", StepKind.CONDITION),), "steps[0].condition"),
        ((JourneyStep("a", "", StepKind.EXIT), JourneyStep("a", "", StepKind.EXIT)), "steps[1].step_id"),
    ],
)
def test_a_map_to_get_lost_on_is_refused_by_its_place(steps: tuple[JourneyStep, ...], place: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Definition("x", TriggerKind.MANUAL, steps)
    assert refused.value.field == place


def test_the_diamond_is_no_circle() -> None:
    ask = JourneyCondition(ConditionKind.ORDERED)
    Definition(
        "x",
        TriggerKind.MANUAL,
        (
            JourneyStep("a", "", StepKind.CONDITION, condition=ask, yes_step_id="b", no_step_id="c"),
            JourneyStep("b", "", StepKind.TAG, "d", tag="x"),
            JourneyStep("c", "", StepKind.TAG, "d", tag="y"),
            JourneyStep("d", "", StepKind.EXIT),
        ),
    )
