"""Make the missing memories of a library together with other servers, by its queue of jobs."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from memorag_graph.errors import CancelledRunError, MemoragError, ModelError, UnavailableError
from memorag_graph.library.job_queue import HeldJob, JobQueue
from memorag_graph.memory_worker import MemoryJob
from memorag_graph.progress import Progress, ReportProgress

if TYPE_CHECKING:
    from memorag_graph.library.entry import Entry

Wanted = Callable[[str], "Entry | None"]
JobOf = Callable[["Entry"], MemoryJob]


def shared_jobs(queue: JobQueue, wanted: Wanted, job_of: JobOf) -> Generator[MemoryJob, None, None]:
    """Yield one free job after the other until none is left; each is held until the next is asked for.

    Args:
        queue: The queue.
        wanted: Returns the document whose memory is missing by its text; None if none is missing any more.
        job_of: Returns what makes the memory of a document.

    Raises:
        UnavailableError: If the queue's server does not answer.
    """
    while (held := HeldJob.take(queue)) is not None:
        with held:
            if (entry := wanted(held.text)) is None:
                held.done()
            else:
                yield _holding(held, job_of(entry))


def _holding(held: HeldJob, job: MemoryJob) -> MemoryJob:
    """Return a job that tells its queue how it ends, and is given up once somebody else has it."""

    def make(report: ReportProgress) -> None:
        def told(progress: Progress) -> None:
            if held.is_lost:
                raise CancelledRunError(f"another server makes the memory of {job.name}")
            report(progress)

        try:
            job.make(told)
        except (CancelledRunError, ModelError, UnavailableError):  # another server, or a later try, may do it
            raise
        except MemoragError as error:
            held.fail(str(error))
            raise
        held.done()

    return MemoryJob(job.key, job.name, make, lambda: not held.is_lost and job.exists())
