"""Tell the lines of a log that go on from the record before them: tracebacks, stack traces, indented details."""

import re

_FRAME = re.compile(
    r"\s+\S"  # indented
    r"|Traceback \(most recent call last\):|During handling of the above exception|The above exception was the direct"
    r"|Caused by: |Suppressed: |\.\.\. \d+ more|at [\w$.<>]+\(|goroutine \d+|panic: |stack backtrace:"
    r"|(?:[\w$]+\.)*[\w$]*(?:Error|Exception|Warning|Interrupt|Failure|Timeout)\b(?::\s|\s*$)"
    r"|(?:Unhandled|Uncaught|Exception in thread)\b"
)
_MOST_CHARACTERS = 1800
"""A longer trace is not joined whole: what names the error would be cut from what happened."""


def trace_end(lines: list[str], number: int) -> int:
    """Return the number of the line after those that go on from the record of a log at ``number``.

    Args:
        lines: The lines of a paragraph.
        number: The line that begins the record.
    """
    end, length = number + 1, len(lines[number])
    while end < len(lines) and _FRAME.match(lines[end]):
        length += len(lines[end]) + 1
        if length > _MOST_CHARACTERS:
            break
        end += 1
    return end
