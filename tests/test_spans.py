"""Spans show a run's path and figures, and nothing that users or documents say."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from memorag_graph import spans
from memorag_graph.errors import ModelError
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY

QUESTION = "Who was proud of the harbour at Thorle?"
GIVEN = {"context": TEXT, "query": QUESTION, "task_type": "memorag"}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def names(recorded: InMemorySpanExporter) -> list[str]:
    return [span.name for span in recorded.get_finished_spans()]


def told(span: ReadableSpan) -> str:
    return span.to_json()


def test_each_node_is_a_span_in_the_span_of_its_caller(registry: Registry, recorded: InMemorySpanExporter) -> None:
    with trace.get_tracer("caller").start_as_current_span("request") as request:
        result = build_graph(registry).invoke(GIVEN, context=TINY)  # type: ignore[call-overload]
    found = {span.name: span for span in recorded.get_finished_spans()}
    assert {f"memorag.{node}" for node in result["timings"]} == set(found) - {"request"}
    for name, span in found.items():
        if name != "request":
            assert span.parent is not None
            assert span.parent.span_id == request.get_span_context().span_id
            assert dict(span.attributes or {})["memorag.memory_id"] == result["memory_id"]
    tokens = sum(dict(span.attributes or {}).get("memorag.tokens", 0) for span in found.values())
    assert tokens == sum(result["tokens"].values())
    assert dict(found["memorag.retrieve"].attributes or {})["memorag.evidence"] == len(result["evidence"])


def test_spans_hold_no_texts_and_no_questions(registry: Registry, recorded: InMemorySpanExporter) -> None:
    result = build_graph(registry).invoke(GIVEN, context=TINY)  # type: ignore[call-overload]
    everything = "".join(map(told, recorded.get_finished_spans()))
    said = [QUESTION, result["answer"], *result["spans"], *result["surrogates"], *TEXT.split(". ")]
    assert not [text for text in said if len(text) > 20 and text in everything]
    assert result["memory_id"] in everything


def test_of_an_error_only_its_class_is_recorded(registry: Registry, recorded: InMemorySpanExporter) -> None:
    with pytest.raises(ModelError, match="missing-secret"):
        build_graph(registry).invoke(GIVEN, context=TINY.model_copy(update={"generator": "missing-secret"}))  # type: ignore[call-overload]
    (failed,) = recorded.get_finished_spans()
    assert failed.name == "memorag.memorize"
    assert failed.status.description == "ModelError"
    assert "missing-secret" not in told(failed)


def test_without_the_extra_runs_work(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "trace", None)
    assert build_graph(registry).invoke(GIVEN, context=TINY)["answer"]  # type: ignore[call-overload]
