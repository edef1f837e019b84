"""A template fills in its variables, counts its links and lets nobody write headers or markup."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError, InvalidArgument
from marketing.domain.template import (
    MessageChannel,
    Template,
    TemplateLink,
    TemplateRetired,
    TemplateRevised,
    Words,
    draft_template,
    evolve,
    links_of,
    render,
)

TEMPLATE, OWNER = UUID(int=1), UUID(int=2)
HTML = (
    '<p>Hi {{person_name|there}}, <a href="https://example.com/p?a=1&amp;b=2" data-tag="pricing">prices</a>'
    " <a href='https://example.com/demo'>demo</a> <a href=\"mailto:a@example.com\">mail</a></p>"
)


def words(**changed: object) -> Words:
    given = {
        "name": "spring",
        "channel": MessageChannel.EMAIL,
        "subject_line": "News for {{person_name|you}}",
        "html_body": HTML,
        "text_body": "Hi {{person_name|there}}",
    } | changed
    return Words(**given)  # type: ignore[arg-type]


@pytest.mark.feature("MKT-15")
def test_variables_are_filled_in_or_fall_back_to_their_default() -> None:
    named = render(words(), {"person_name": "李雷"})
    assert named.subject_line == "News for 李雷"
    assert "Hi 李雷," in named.html_body
    nobody = render(words(), {})
    assert nobody.subject_line == "News for you"
    assert nobody.text_body == "Hi there"


@pytest.mark.feature("MKT-16")
def test_links_are_numbered_in_their_order_and_other_links_left_alone() -> None:
    assert links_of(HTML) == (
        TemplateLink("https://example.com/p?a=1&b=2", "pricing"),
        TemplateLink("https://example.com/demo", ""),
    )
    html = render(words(), {}, lambda n: f"https://t/{n}?x=1&y=2", "https://t/pixel").html_body
    assert 'href="https://t/0?x=1&amp;y=2"' in html
    assert "href='https://t/1?x=1&amp;y=2'" in html
    assert 'href="mailto:a@example.com"' in html
    assert html.endswith('<img src="https://t/pixel" width="1" height="1" alt="">')


@pytest.mark.feature("MKT-18")
def test_an_email_always_ends_with_a_way_to_unsubscribe() -> None:
    stop = {"unsubscribe_url": "https://t/u/1"}
    without = render(words(), stop, lambda n: "https://t/c")
    assert 'href="https://t/u/1"' in without.html_body
    assert "https://t/u/1" in without.text_body
    own = words(html_body='<a href="{{unsubscribe_url}}">stop</a>', text_body="stop: {{unsubscribe_url}}")
    with_own = render(own, stop, lambda n: "https://t/c")
    assert with_own.html_body.count("https://t/u/1") == 1
    assert with_own.text_body.count("https://t/u/1") == 1


@given(st.text(max_size=60))
def test_no_value_can_write_markup_or_a_header(value: str) -> None:
    out = render(words(), {"person_name": value}, lambda n: "https://t/c")
    assert out.html_body.count("<") == HTML.count("<")
    assert not set(out.subject_line) & set("\r\n\x00")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("subject_line", ""),
        ("subject_line", "a\nBcc: all@example.com"),
        ("html_body", "{{ nobody_knows }}"),
        ("html_body", "{{Person Name}}"),
        ("html_body", "{{unclosed"),
        ("html_body", '<a href="https://example.com/{{person_name}}">x</a>'),
        ("name", ""),
    ],
)
def test_words_that_cannot_be_sent_are_refused_by_their_field(field: str, text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        words(**{field: text})
    assert refused.value.field == field


def a_template() -> Template:
    [drafted] = draft_template(TEMPLATE, OWNER, words())
    return evolve(None, drafted)


def test_a_revision_makes_the_next_version_and_keeps_the_old_one_readable() -> None:
    template = a_template()
    [revised] = template.revise(words(subject_line="Other news"))
    assert isinstance(revised, TemplateRevised)
    assert revised.template_version == 2
    after = evolve(template, revised)
    assert after.at(1) == words()
    assert after.words.subject_line == "Other news"
    assert after.revise(after.words) == []


def test_a_retired_template_is_not_revised() -> None:
    with pytest.raises(DomainError, match="retired"):
        evolve(a_template(), TemplateRetired(TEMPLATE)).revise(words(subject_line="x"))


def test_a_text_message_needs_only_its_text() -> None:
    sms = words(channel=MessageChannel.SMS, subject_line="", html_body="", text_body="优惠券 {{coupon_code}}")
    assert render(sms, {"coupon_code": "AB12", "unsubscribe_url": "u"}).text_body == "优惠券 AB12"
    assert sms.variables == ["coupon_code"]
