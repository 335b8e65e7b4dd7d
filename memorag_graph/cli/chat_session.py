"""The command ``chat``: ask one memory many questions, and inspect the clues and evidence of the last answer."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError, MemoragError
from memorag_graph.settings import TASK_TYPES, TASKS, RunOptions

_HELP = (
    "[cyan]/clues[/] recalled from memory for the last answer · [cyan]/evidence[/] passages behind it · "
    "[cyan]/task[/] [NAME] show or change the task · [cyan]/history[/] the conversation · [cyan]/quit[/] or Ctrl-D "
    "leave · Ctrl-C stop an answer"
)
_MAX_HISTORY = 1000


class Chat:
    """A conversation with one memory; a question may go on from those before it.

    Args:
        place: Directory or id of the memory.
        options: How to answer.
        task: Initial task.
        out: Console for answers.
        err: Console for progress and errors.

    Raises:
        InputError: If the task is unknown.
        MemoragError: If the memory cannot be opened.
    """

    def __init__(self, place: str, options: RunOptions, task: str, out: Console, err: Console) -> None:
        from memorag_graph.cli.run_graph import new_registry
        from memorag_graph.graph import build_graph
        from memorag_graph.models.loading import silence_libraries

        self._task = _known_task(task)
        silence_libraries()
        registry = new_registry()
        registry.open(place, options)
        self._graph = build_graph(registry)
        self._place, self._options, self._out, self._err = place, options, out, err
        self._turns: list[dict[str, Any]] = []
        self._commands: dict[str, Callable[[str], None]] = {
            "/clues": self._show_clues,
            "/evidence": self._show_evidence,
            "/task": self._change_task,
            "/history": self._show_history,
            "/help": lambda _: self._out.print(_HELP, soft_wrap=True),
        }

    def say(self, line: str) -> None:
        """Run a question or a command; errors are shown and the conversation continues."""
        command, _, rest = line.partition(" ")
        try:
            if not line.startswith("/"):
                self._ask(line)
            elif command in self._commands:
                self._commands[command](rest.strip())
            else:
                self._out.print(f"Unknown command {escape(command)}. {_HELP}", soft_wrap=True)
        except MemoragError as error:
            self._err.print(f"[red]Error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            self._out.print("\n[yellow]Stopped.[/]")

    def _ask(self, question: str) -> None:
        from memorag_graph.cli.render import show_answer
        from memorag_graph.cli.run_graph import run_graph
        from memorag_graph.follow_ups.conversation_turns import conversation

        inputs = {"memory_id": self._place, "messages": conversation(self._turns, question), "task_type": self._task}
        result, streamed = run_graph(self._graph, inputs, self._options, self._err, self._out)
        self._turns.append(result)
        show_answer(self._out, result, clues=False, streamed=streamed)

    def _last(self) -> dict[str, Any]:
        if not self._turns:
            raise InputError("question", "there is no answer yet; ask a question first")
        return self._turns[-1]

    def _show_clues(self, _: str) -> None:
        from memorag_graph.cli.render import show_clues

        last = self._last()
        if not any(last.get(clue) for clue in ("spans", "surrogates", "draft", "outline", "trace")):
            self._out.print("Nothing was recalled from memory for the last answer.")
        show_clues(self._out, last)

    def _show_evidence(self, _: str) -> None:
        from memorag_graph.cli.render import show_evidence

        show_evidence(self._out, self._last())

    def _change_task(self, name: str) -> None:
        self._task = _known_task(name) if name else self._task
        self._out.print(f"Task: [cyan]{self._task}[/]. {escape(TASKS)}", soft_wrap=True)

    def _show_history(self, _: str) -> None:
        for number, turn in enumerate(self._turns, start=1):
            self._out.print(Text(f"{number}. {turn['asked']}", style="cyan"), soft_wrap=True)
            self._out.print(Text(f"   {turn['answer']}"), soft_wrap=True)


@opt.takes_options(
    *opt.MODELS, "memory", "adapter", "generator", "hits", "evidence_tokens", "use_memory_answer", "max_new_tokens",
    "temperature", "prompts",
)  # fmt: skip
def chat(place: opt.Place, task: opt.Task = "auto", *, options: RunOptions) -> None:
    """Ask a memory one question after another. Type /help for the commands."""
    out = Console()
    session = Chat(place, options, task, out, Console(stderr=True))
    out.print(_HELP, soft_wrap=True)
    with _saved_history():
        for line in _lines(out):
            session.say(line)


def _lines(console: Console) -> Iterator[str]:
    """Yield the lines typed until the end of the input or ``/quit``."""
    while True:
        try:
            line = console.input("[bold cyan]› [/]").strip()
        except EOFError:
            console.print()
            return
        except KeyboardInterrupt:
            console.print()
            continue
        if line in ("/quit", "/exit"):
            return
        if line:
            yield line


def _known_task(name: str) -> str:
    if name not in TASK_TYPES:
        raise InputError("task", f"{name!r} is unknown; choose from {', '.join(TASK_TYPES)}")
    return name


@contextlib.contextmanager
def _saved_history() -> Iterator[None]:
    """Let the arrow keys recall typed lines, also from earlier conversations."""
    try:
        import readline
    except ImportError:  # some builds of Python lack it
        yield
        return
    import platformdirs

    history = Path(platformdirs.user_state_path("memorag-graph", ensure_exists=True)) / "chat_history"
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    readline.set_history_length(_MAX_HISTORY)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)
