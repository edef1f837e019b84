"""Path templates of google.api.http: `/v1/things/{thing_id}:verb`, `{name=shelves/*}`, `**`. Parsed once.

A colon in the last segment begins the verb, so a single `*` never matches one there (send it as %3A).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_TOKEN = re.compile(r"\{([a-zA-Z_][\w.]*)(?:=([^{}]+))?\}|([^/{}]+)|(/)")
_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()+,;@%-]+")


class TemplateError(ValueError):
    """The template is not one of google.api.http."""


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """One template. `fields` are dotted field paths, in order."""

    text: str
    fields: tuple[str, ...]
    literals: int
    pattern: re.Pattern[str]
    pieces: tuple[tuple[str, str | None], ...]  # (literal text, "") or (sub-template, field)

    def match(self, raw_path: str) -> dict[str, str] | None:
        """Return the decoded value of every field, or None. `raw_path` is still percent-encoded."""
        found = self.pattern.fullmatch(raw_path)
        if found is None:
            return None
        return {field: unquote(text) for field, text in zip(self.fields, found.groups(), strict=True)}

    def expand(self, values: dict[str, str]) -> str:
        """Return the path that `match` turns back into these values."""
        return "".join(
            piece if field is None else quote(values[field], safe="/" if "/" in piece or "**" in piece else "")
            for piece, field in self.pieces
        )

    def openapi(self) -> str:
        """The path as OpenAPI writes it."""
        return "".join(p if field is None else f"{{{field}}}" for p, field in self.pieces)


def parse(text: str) -> PathTemplate:
    """Parse a template; raise TemplateError."""
    if not text.startswith("/"):
        raise TemplateError(f"{text!r} must begin with /")
    body, verb = _split_verb(text)
    pattern, fields, pieces, literals, end = "", list[str](), list[tuple[str, str | None]](), 0, 0
    for token in _TOKEN.finditer(body):
        if token.start() != end:
            break
        end = token.end()
        field, inner, literal, slash = token.groups()
        if slash:
            pattern, pieces = pattern + "/", [*pieces, ("/", None)]
        elif field:
            inner = inner or "*"
            pattern += f"({_segments(inner, text)})"
            fields.append(field)
            pieces.append((inner, field))
        else:
            pattern += _segments(literal, text)
            literals += literal not in ("*", "**")
            pieces.append((literal, None))
    if end != len(body):
        raise TemplateError(f"{text!r} is malformed at {body[end:]!r}")
    if len(set(fields)) != len(fields):
        raise TemplateError(f"{text!r} names a field twice")
    if verb:
        pattern += ":" + re.escape(verb)
        pieces.append((f":{verb}", None))
    return PathTemplate(text, tuple(fields), literals + bool(verb), re.compile(pattern), tuple(pieces))


def _split_verb(text: str) -> tuple[str, str]:
    last = text.rfind("/")
    colon = text.rfind(":", text.rfind("}") if "}" in text[last:] else last)
    if colon == -1 or colon < text.rfind("}"):
        return text, ""
    verb = text[colon + 1 :]
    if not _LITERAL.fullmatch(verb):
        raise TemplateError(f"{text!r} has the malformed verb {verb!r}")
    return text[:colon], verb


def _segments(text: str, whole: str) -> str:
    parts = []
    for segment in text.split("/"):
        if segment == "*":
            parts.append("[^/:]+")
        elif segment == "**":
            parts.append("[^:]*")
        elif _LITERAL.fullmatch(segment):
            parts.append(re.escape(segment))
        else:
            raise TemplateError(f"{whole!r} has the malformed segment {segment!r}")
    return "/".join(parts)
