"""Do long work for a request, and stream its progress if the client accepts events."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextvars import copy_context
from dataclasses import asdict
from typing import Any

from fastapi import Request
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from memorag_graph.cancellation import detached
from memorag_graph.errors import MemoragError
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.serving.error_responses import status_of
from memorag_graph.serving.told_errors import told_to_client

_EVENTS = "text/event-stream"
_log = logging.getLogger(__name__)

Work = Callable[[ReportProgress], dict[str, Any]]
"""Does something, tells the progress, and returns what to answer."""


async def respond_with_progress(request: Request, work: Work, result: str) -> Response:
    """Do long work, which goes on within its time limit if the client leaves.

    Args:
        request: The request.
        work: The work.
        result: Name of the event with what it returns.
    """
    if _EVENTS in request.headers.get("accept", ""):
        return EventSourceResponse(_events(work, result))
    with detached().bound():
        return JSONResponse(await run_in_threadpool(work, ignore_progress), 201)


async def _events(work: Work, name: str) -> AsyncIterator[dict[str, str]]:
    """Run `work`; yield its progress, then its result or its error."""
    loop = asyncio.get_running_loop()
    reports: asyncio.Queue[Progress | None] = asyncio.Queue()

    def report(progress: Progress) -> None:
        loop.call_soon_threadsafe(reports.put_nowait, progress)

    def run() -> dict[str, Any]:
        try:
            return work(report)
        except MemoragError:
            raise
        except Exception:
            _log.exception("the work failed")
            raise
        finally:
            loop.call_soon_threadsafe(reports.put_nowait, None)

    with detached().bound():
        context = copy_context()
    result = loop.run_in_executor(None, context.run, run)
    result.add_done_callback(_note_error)
    while (progress := await reports.get()) is not None:
        yield {"event": "progress", "data": json.dumps(asdict(progress))}
    try:
        yield {"event": name, "data": json.dumps(await result, ensure_ascii=False)}
    except MemoragError as error:
        yield {
            "event": "error",
            "data": json.dumps({"status_code": status_of(error), "message": told_to_client(error)}),
        }
    except Exception:
        message = "the server failed; see its log"
        yield {"event": "error", "data": json.dumps({"status_code": 500, "message": message})}
        raise


def _note_error(ended: "asyncio.Future[dict[str, Any]]") -> None:
    """Take note of an error that nobody waits for any more, as the client has left; else asyncio logs a trace of it."""
    if not ended.cancelled():
        ended.exception()
