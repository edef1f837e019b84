"""A template: words with variables. Renders them; sends nothing.

`{{name}}` is filled in, `{{name|there}}` with "there" when nothing is known. Values are escaped in HTML,
and can never begin a new line of a subject. Links of the HTML are numbered so that they can be counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from html import escape
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument

# -- what can happen ---------------------------------------------------------


class MessageChannel(IntEnum):
    UNSPECIFIED = 0
    EMAIL = 1
    SMS = 2
    WECOM = 3


@dataclass(frozen=True, slots=True)
class TemplateLink:
    url: str
    tag: str


@dataclass(frozen=True, slots=True)
class TemplateDrafted:
    template_id: UUID
    name: str
    channel: MessageChannel
    subject_line: str
    html_body: str
    text_body: str
    links: tuple[TemplateLink, ...]
    owner_id: UUID


@dataclass(frozen=True, slots=True)
class TemplateRevised:
    template_id: UUID
    name: str
    subject_line: str
    html_body: str
    text_body: str
    links: tuple[TemplateLink, ...]
    template_version: int


@dataclass(frozen=True, slots=True)
class TemplateRetired:
    template_id: UUID


@dataclass(frozen=True, slots=True)
class TemplateHandedOver:
    template_id: UUID
    from_owner_id: UUID
    to_owner_id: UUID


TemplateEvent = TemplateDrafted | TemplateRevised | TemplateRetired | TemplateHandedOver

# -- what is written ---------------------------------------------------------

UNSUBSCRIBE = "unsubscribe_url"
KNOWN_VARIABLES = (
    "person_name",
    "company",
    "coupon_code",
    "coupon_value",
    "coupon_expires_on",
    UNSUBSCRIBE,
)
"""What is known of every recipient, or of a journey's coupon. Any other name needs a default."""

_VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*(?:\|([^{}]*))?\}\}")
_ANY_BRACES = re.compile(r"\{\{.*?\}\}|\{\{|\}\}", re.DOTALL)
_LINK = re.compile(r"""<a\b[^>]*?\bhref\s*=\s*(["'])(?P<url>.*?)\1[^>]*>""", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"""\bdata-tag\s*=\s*(["'])([\w-]{1,50})\1""", re.IGNORECASE)
_BREAKS = re.compile(r"[\r\n\t\x00-\x1f]+")
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Words:
    """One version of what a template says. Refuses variables nobody can fill and links nobody can follow."""

    name: str
    channel: MessageChannel
    subject_line: str
    html_body: str
    text_body: str

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidArgument("name", "is required")
        if self.channel is MessageChannel.UNSPECIFIED:
            raise InvalidArgument("channel", "is required")
        if self.channel is MessageChannel.EMAIL:
            if not self.subject_line:
                raise InvalidArgument("subject_line", "an e-mail needs a subject")
            if not (self.html_body or self.text_body):
                raise InvalidArgument("text_body", "an e-mail needs a body")
        elif not self.text_body:
            raise InvalidArgument("text_body", "is required")
        if "\n" in self.subject_line or "\r" in self.subject_line:
            raise InvalidArgument("subject_line", "must be one line")
        for field in ("subject_line", "html_body", "text_body"):
            _check_variables(field, getattr(self, field))
        for link in links_of(self.html_body):
            if "{{" in link.url:
                raise InvalidArgument("html_body", "a counted link leads to the same page for everybody: no variables")

    @property
    def variables(self) -> list[str]:
        """The names of the variables used, sorted."""
        text = f"{self.subject_line}\n{self.html_body}\n{self.text_body}"
        return sorted({name for name, _ in _VARIABLE.findall(text)})


def _check_variables(field: str, text: str) -> None:
    if len(text) > _LONGEST:
        raise InvalidArgument(field, f"has {len(text)} characters; at most {_LONGEST} fit")
    for braces in _ANY_BRACES.findall(text):
        found = _VARIABLE.fullmatch(braces)
        if found is None:
            raise InvalidArgument(field, f"{braces[:40]!r} is not a variable like {{{{person_name}}}}")
        if found[1] not in KNOWN_VARIABLES and found[2] is None:
            raise InvalidArgument(field, f"nobody can fill {found[1]!r}: give it a default like {{{{{found[1]}|…}}}}")


def links_of(html_body: str) -> tuple[TemplateLink, ...]:
    """Return the web links of an HTML body in their order; the unsubscribe link is not one of them."""
    found = []
    for match in _LINK.finditer(html_body):
        url = match["url"].strip()
        if _is_web(url):
            tag = _TAG.search(match[0])
            found.append(TemplateLink(url.replace("&amp;", "&"), tag[2] if tag else ""))
    return tuple(found)


# -- how it reads ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rendered:
    subject_line: str
    html_body: str
    text_body: str


def render(
    words: Words,
    values: Mapping[str, str],
    link_url: Callable[[int], str] | None = None,
    pixel_url: str = "",
) -> Rendered:
    """Fill in the values. E-mail always ends with a way to unsubscribe, whatever the template says.

    `link_url` gives the address that counts the link of that number; `pixel_url` the picture that counts
    openings. Without them nothing is counted.
    """
    html = words.html_body
    if link_url is not None:
        html = _count_links(html, link_url)  # before filling in: only links of the template count
    html = _fill(html, values, escape)
    text = _fill(words.text_body, values, str)
    if words.channel is MessageChannel.EMAIL and (stop := values.get(UNSUBSCRIBE, "")):
        if html and UNSUBSCRIBE not in words.html_body:
            html += f'<p style="font-size:small"><a href="{escape(stop)}">退订 Unsubscribe</a></p>'
        if UNSUBSCRIBE not in words.text_body:
            text += f"\n\n退订 Unsubscribe: {stop}\n"
    if html and pixel_url:
        html += f'<img src="{escape(pixel_url)}" width="1" height="1" alt="">'
    subject = _BREAKS.sub(" ", _fill(words.subject_line, values, str)).strip()
    return Rendered(subject, html, text)


def _fill(text: str, values: Mapping[str, str], quoted: Callable[[str], str]) -> str:
    def value(match: re.Match[str]) -> str:
        return quoted(values.get(match[1], "") or match[2] or "")

    return _VARIABLE.sub(value, text)


def _count_links(html: str, link_url: Callable[[int], str]) -> str:
    number = -1

    def counted(match: re.Match[str]) -> str:
        nonlocal number
        if not _is_web(match["url"]):
            return match[0]
        number += 1
        before, after = match.start("url") - match.start(), match.end("url") - match.start()
        return match[0][:before] + escape(link_url(number)) + match[0][after:]

    return _LINK.sub(counted, html)


def _is_web(url: str) -> bool:
    return url.strip().lower().startswith(("http://", "https://"))


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Template:
    id: UUID
    owner_id: UUID
    versions: tuple[Words, ...]
    retired: bool = False

    @property
    def words(self) -> Words:
        """What it says now."""
        return self.versions[-1]

    @property
    def version(self) -> int:
        return len(self.versions)

    def at(self, version: int) -> Words:
        """What it said in that version, from 1."""
        return self.versions[version - 1]

    def revise(self, words: Words) -> list[TemplateEvent]:
        self.require_in_use()
        if words == self.words:
            return []
        if words.channel is not self.words.channel:
            raise InvalidArgument("channel", "a template keeps its channel; draft another one")
        return [
            TemplateRevised(
                self.id,
                words.name,
                words.subject_line,
                words.html_body,
                words.text_body,
                links_of(words.html_body),
                self.version + 1,
            )
        ]

    def retire(self) -> list[TemplateEvent]:
        return [] if self.retired else [TemplateRetired(self.id)]

    def require_in_use(self) -> None:
        if self.retired:
            raise DomainError(f"template {self.id} is retired; draft another one")

    def hand_over(self, to_owner_id: UUID) -> list[TemplateEvent]:
        """Somebody else answers for it now."""
        return [] if to_owner_id == self.owner_id else [TemplateHandedOver(self.id, self.owner_id, to_owner_id)]


def draft_template(template_id: UUID, owner_id: UUID, words: Words) -> list[TemplateEvent]:
    """Draft a template."""
    return [
        TemplateDrafted(
            template_id,
            words.name,
            words.channel,
            words.subject_line,
            words.html_body,
            words.text_body,
            links_of(words.html_body),
            owner_id,
        )
    ]


# -- how it comes to be ------------------------------------------------------


def evolve(template: Template | None, event: TemplateEvent) -> Template:
    """Fold one event into the state."""
    if isinstance(event, TemplateDrafted):
        words = _words(event.name, event.channel, event.subject_line, event.html_body, event.text_body)
        return Template(event.template_id, event.owner_id, (words,))
    assert template is not None, f"history must begin with TemplateDrafted, not {event}"
    match event:
        case TemplateRevised():
            words = _words(
                event.name,
                template.words.channel,
                event.subject_line,
                event.html_body,
                event.text_body,
            )
            return replace(template, versions=(*template.versions, words))
        case TemplateRetired():
            return replace(template, retired=True)
        case TemplateHandedOver(to_owner_id=owner_id):
            return replace(template, owner_id=owner_id)
        case _:
            assert_never(event)


def _words(name: str, channel: MessageChannel, subject: str, html: str, text: str) -> Words:
    """History is never refused, so the checks are passed by."""
    words = object.__new__(Words)
    given = {
        "name": name,
        "channel": channel,
        "subject_line": subject,
        "html_body": html,
        "text_body": text,
    }
    for field, value in given.items():
        object.__setattr__(words, field, value)
    return words
