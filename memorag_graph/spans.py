"""OpenTelemetry spans: one for each node of a run, with figures but without texts, questions, names and keys.

Without the extra ``otel``, or in a program that has set up no tracer, nothing is recorded.
"""

from collections.abc import Iterator
from contextlib import contextmanager

try:
    from opentelemetry import trace
except ImportError:  # the extra is not installed
    trace = None  # type: ignore[assignment]


class Span:
    """What a block of work tells about itself.

    Attributes:
        attributes: Figures by name.
    """

    def __init__(self) -> None:
        self.attributes: dict[str, str | int | float | bool] = {}


@contextmanager
def span(name: str) -> Iterator[Span]:
    """Record a block of work as a span; of an error only its class, because messages may quote what users wrote."""
    told = Span()
    if trace is None:
        yield told
        return
    tracer = trace.get_tracer("memorag_graph")
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as recorded:
        try:
            yield told
        except Exception as error:
            recorded.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            recorded.set_attributes({f"memorag.{key}": value for key, value in told.attributes.items()})
