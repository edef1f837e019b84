"""One trace from a person's request to the row that another service writes because of it.

An event remembers the span that appended it; the relay continues that trace, and hands it on in the message's
header to whoever consumes the event. Exceptions are never recorded in a span: what a database or a rule says may
quote what a person typed. All of it costs nothing where nobody collects traces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

Attributes = Mapping[str, AttributeValue]

_MOST_SPANS = 32
"""Of one batch."""

_tracer = trace.get_tracer("headwater")


def is_traced() -> bool:
    """Whether anybody collects this process's spans."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


@contextmanager
def continued(name: str, traceparent: str, attributes: Attributes) -> Iterator[str]:
    """A span that continues a trace; gives what those who continue it further are to be told.

    Without a trace, or anybody who collects it, that is what was given.
    """
    if not traceparent or not is_traced():
        yield traceparent
        return
    with _span(name, traceparent, SpanKind.INTERNAL, attributes) as span:
        yield _traceparent(span)


def sent(name: str, traceparent: str, attributes: Attributes) -> str:
    """Write down that a message leaves now; return what its receiver is to be told."""
    if not traceparent or not is_traced():
        return traceparent
    with _span(name, traceparent, SpanKind.PRODUCER, attributes) as span:
        return _traceparent(span)


@contextmanager
def received(name: str, traceparents: Sequence[str], attributes: Attributes) -> Iterator[None]:
    """While messages are handled together: the trace of each gets a span of it, 32 of them at most.

    What is done meanwhile stands below the first one's span, because it is done once; the others link there.
    """
    if not is_traced():
        yield
        return
    known = [each for each in traceparents if each][:_MOST_SPANS]
    with _span(name, known[0] if known else "", SpanKind.CONSUMER, attributes) as first:
        links = [Link(first.get_span_context())]
        others = [
            _tracer.start_span(name, propagate.extract({"traceparent": each}), SpanKind.CONSUMER, attributes, links)
            for each in known[1:]
        ]
        try:
            yield
        except Exception as error:
            for span in others:
                _fail(span, error)
            raise
        finally:
            for span in others:
                span.end()


@contextmanager
def projecting(view: str) -> Iterator[None]:
    """While one view takes events in."""
    if not is_traced():
        yield
        return
    with _span(f"project {view}", "", SpanKind.INTERNAL, {}):
        yield


@contextmanager
def _span(name: str, traceparent: str, kind: SpanKind, attributes: Attributes) -> Iterator[Span]:
    """The current span, below the one that is named, or the one that was current."""
    with _tracer.start_as_current_span(
        name,
        context=propagate.extract({"traceparent": traceparent}) if traceparent else None,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            _fail(span, error)
            raise


def _fail(span: Span, error: Exception) -> None:
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))


def _traceparent(span: Span) -> str:
    context: SpanContext = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
