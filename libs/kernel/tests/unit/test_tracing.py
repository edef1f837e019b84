"""Spans around batches and messages; what is wrong is told by its kind only."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from kernel import tracing

FIRST, SECOND = f"00-{'a' * 32}-{'1' * 16}-01", f"00-{'b' * 32}-{'2' * 16}-01"
UNSAMPLED = f"00-{'c' * 32}-{'3' * 16}-00"

PROGRAM = f"""
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from kernel import tracing

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
try:
    with tracing.received("views", ["", "{FIRST}", "{SECOND}"], {{}}), tracing.projecting("board"):
        raise ValueError("Mrs Trackless")
except ValueError:
    pass
told = tracing.sent("publish", "{SECOND}", {{}})
assert tracing.sent("publish", "", {{}}) == "", "what belongs to no trace begins none"
unsampled = tracing.sent("publish", "{UNSAMPLED}", {{}})
spans = [json.loads(span.to_json()) for span in exporter.get_finished_spans()]
print(json.dumps({{"told": told, "unsampled": unsampled, "spans": spans}}))
"""


def test_each_trace_of_a_batch_gets_a_span_and_none_says_what_a_person_typed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60, capture_output=True, text=True)
    found = json.loads(done.stdout)
    spans: dict[str, Any] = {f"{s['name']} {s['context']['trace_id'][2]}": s for s in found["spans"]}
    assert set(spans) == {"views a", "views b", "project board a", "publish b"}
    first, second, project = spans["views a"], spans["views b"], spans["project board a"]
    assert first["parent_id"] == f"0x{'1' * 16}"
    assert second["parent_id"] == f"0x{'2' * 16}"
    assert project["parent_id"] == first["context"]["span_id"]
    assert [link["context"]["span_id"] for link in second["links"]] == [first["context"]["span_id"]]
    for span in (first, second, project):
        assert span["status"] == {"status_code": "ERROR", "description": "ValueError"}
    assert "Trackless" not in done.stdout
    assert found["told"] == f"00-{'b' * 32}-{spans['publish b']['context']['span_id'][2:]}-01"
    assert found["unsampled"].startswith(f"00-{'c' * 32}-")
    assert found["unsampled"].endswith("-00")


def test_where_nobody_collects_the_trace_is_handed_on_as_it_came() -> None:
    assert not tracing.is_traced()
    assert tracing.sent("publish", FIRST, {}) == FIRST
    with tracing.continued("append", FIRST, {}) as told:
        assert told == FIRST
