"""A form decides what may be sent with it; a submission repeats nothing personal in a refusal."""

from datetime import timedelta
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError, InvalidArgument, NotFound
from marketing.domain.form import (
    HONEYPOT,
    Form,
    FormAnswer,
    FormEvent,
    FormField,
    FormFieldKind,
    FormPublished,
    FormWithdrawn,
    Layout,
    LooksAutomatic,
    Visit,
    draft_form,
    evolve,
)

FORM, OWNER, SUBMISSION, CAMPAIGN = (UUID(int=n) for n in range(1, 5))
FIELDS = (
    FormField("person_name", "姓名", FormFieldKind.TEXT, True),
    FormField("email", "E-mail", FormFieldKind.EMAIL, False),
    FormField("phone", "电话", FormFieldKind.PHONE, False),
    FormField("region_code", "Region", FormFieldKind.TEXT, False),
    FormField("team_size", "Team", FormFieldKind.NUMBER, False),
    FormField("interest", "Interest", FormFieldKind.CHOICE, False, ("CRM", "ERP")),
    FormField("start_on", "Start", FormFieldKind.DATE, False),
    FormField("newsletter", "News", FormFieldKind.CHECKBOX, False),
)
VALUES = {"person_name": "王芳", "email": "wang@example.com", "interest": "CRM", "team_size": "12"}


def a_form(*events: FormEvent) -> Form:
    drafted = draft_form(FORM, OWNER, Layout("试用申请", FIELDS, "website", CAMPAIGN))
    form = reduce(evolve, [*drafted, *events], None)
    assert form is not None
    return form


def a_published_form() -> Form:
    return a_form(FormPublished(FORM, "试用申请", CAMPAIGN))


@pytest.mark.feature("MKT-05")
def test_a_submission_holds_the_lead_and_the_answers_to_custom_fields() -> None:
    [submitted] = a_published_form().submit(SUBMISSION, VALUES, Visit(behaviours=["watched-demo", "no good!"]))
    assert submitted.person_name == "王芳"
    assert submitted.email == "wang@example.com"
    assert submitted.answers == (
        FormAnswer("team_size", "Team", "12"),
        FormAnswer("interest", "Interest", "CRM"),
    )
    assert submitted.behaviours == ("watched-demo",)
    assert submitted.campaign_id == CAMPAIGN
    assert submitted.source_channel == "website"


def test_the_visit_may_say_another_channel_and_campaign() -> None:
    visit = Visit(source_channel="WeChat", campaign_id=OWNER, utm={"utm_source": "oa", "token": "secret"})
    [submitted] = a_published_form().submit(SUBMISSION, VALUES, visit)
    assert (submitted.source_channel, submitted.campaign_id) == ("wechat", OWNER)
    assert submitted.utm == {"utm_source": "oa"}


@pytest.mark.parametrize("form", [a_form(), a_form(FormPublished(FORM, "", None), FormWithdrawn(FORM))])
def test_a_form_that_is_not_published_does_not_exist_for_visitors(form: Form) -> None:
    with pytest.raises(NotFound):
        form.submit(SUBMISSION, VALUES, Visit())


@pytest.mark.parametrize(
    ("field", "entry"),
    [
        ("person_name", ""),
        ("email", "wang@"),
        ("phone", "call me"),
        ("team_size", "a dozen"),
        ("interest", "Gardening"),
        ("start_on", "2026-02-30"),
        ("newsletter", "maybe"),
        ("unasked", "x"),
        ("person_name", "two\nlines"),
        ("person_name", "x" * 3000),
    ],
)
def test_a_wrong_entry_is_refused_by_its_field_and_not_repeated(field: str, entry: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        a_published_form().submit(SUBMISSION, VALUES | {field: entry}, Visit())
    assert refused.value.field == f"values.{field}"
    assert not entry or entry not in str(refused.value)


def test_somebody_who_cannot_be_answered_is_asked_for_a_way() -> None:
    with pytest.raises(InvalidArgument, match="e-mail address or a phone"):
        a_published_form().submit(SUBMISSION, {"person_name": "王芳"}, Visit())


@pytest.mark.feature("MKT-05")
@given(st.integers(0, 200_000))
def test_only_a_pace_a_person_can_have_is_taken(seconds: int) -> None:
    form = a_published_form()
    if seconds < form.layout.minimum_fill_s:
        with pytest.raises(LooksAutomatic):
            form.check_pace(timedelta(seconds=seconds))
    elif seconds > 24 * 3600:
        with pytest.raises(DomainError, match="too long"):
            form.check_pace(timedelta(seconds=seconds))
    else:
        form.check_pace(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ((), "fields"),
        ((FormField("person_name", "Name", FormFieldKind.TEXT, True),), "fields"),
        ((*FIELDS, FIELDS[0]), "fields[8].key"),
        ((FormField(HONEYPOT, "Web", FormFieldKind.TEXT, False), *FIELDS), "fields[0].key"),
        ((FormField("email", "Mail", FormFieldKind.CHOICE, False), *FIELDS[2:]), "fields[0].choices"),
        ((FormField("Email", "Mail", FormFieldKind.EMAIL, False), *FIELDS[2:]), "fields[0].key"),
    ],
)
def test_a_layout_that_cannot_work_names_the_place(fields: tuple[FormField, ...], place: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Layout("t", fields, "website")
    assert refused.value.field == place
