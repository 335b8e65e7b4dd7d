"""The help of a command: its options in groups, with the defaults that hold, and examples."""

from typing import Any

from typer.core import TyperCommand

from memorag_graph.cli.options import FIELDS
from memorag_graph.configuration import program_options, service_options
from memorag_graph.settings import MemorySettings

_MODELS = (
    "model", "embedding_model", "adapter", "generator", "reranker", "device", "dtype", "fast_paths", "load_in_4bit",
    "enable_flash_attn", "minference",
)  # fmt: skip
_SEARCH = ("hits", "evidence_tokens", "question_share", "query_weights", "rounds", "memories", "use_memory_answer")
_GROUPS = {
    "Models": frozenset(_MODELS),
    "Making a memory": frozenset(MemorySettings.model_fields) | {"memory", "encoding"},
    "Search": frozenset(_SEARCH),
    "Answers": frozenset({"max_new_tokens", "length", "temperature", "prompts"}),
}
"""Options by what they are for; the others stand first."""

EXAMPLES = {
    "memorize": ("memorag-graph memorize report.pdf", "memorag-graph memorize reports/ --save-dir memory"),
    "ask": (
        'memorag-graph ask report.pdf "Who signed the contract?"',
        'memorag-graph ask 4f3a "Why was it late?" --task memorag --json',
    ),
    "chat": ("memorag-graph chat report.pdf",),
    "summarize": ("memorag-graph summarize report.pdf --length short",),
    "append": ("memorag-graph append 4f3a appendix.pdf",),
    "serve": ("memorag-graph serve --port 8000",),
}
"""Examples of commands by their names; 4f3a is the beginning of an id."""


class OptionsCommand(TyperCommand):
    """A command whose help groups its options, and shows the defaults of RunOptions, config file and environment."""

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401 - typer's context is not public
        """Return the help.

        Raises:
            InputError: If the config file or the environment holds an invalid value.
        """
        shown = [each for each in self.params if each.name in FIELDS]
        values = {**vars(program_options({})), **vars(service_options({}))} if shown else {}
        for parameter in shown:
            value = values[str(parameter.name)]
            if not isinstance(value, dict) and value not in ("", None):
                parameter.default = value
        return super().get_help(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's types are not public
        """Write the arguments and options, by group, and the examples."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], **{name: [] for name in _GROUPS}}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                named = (group for group, fields in _GROUPS.items() if parameter.name in fields)
                kind = "Arguments" if parameter.param_type_name == "argument" else next(named, "Options")
                groups[kind].append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
        if examples := EXAMPLES.get(str(ctx.info_name)):
            with formatter.section("Examples"):
                for example in examples:
                    formatter.write(f"{' ' * formatter.current_indent}{example}\n")
