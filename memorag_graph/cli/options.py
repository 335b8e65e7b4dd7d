"""Command-line options shared by several commands, and how they become the options of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from memorag_graph.documents import clean_text
from memorag_graph.errors import InputError
from memorag_graph.settings import PromptKey, QueryKind, RunOptions, run_options

DEFAULTS = RunOptions()


def _shown(field: str) -> str:
    return str(RunOptions.model_fields[field].description)


Model = Annotated[str, typer.Option("--model", help=_shown("model"), metavar="NAME|DIR|embedded")]
EmbeddingModel = Annotated[
    str, typer.Option("--embedding-model", help=_shown("embedding_model"), metavar="NAME|DIR|embedded")
]
Device = Annotated[str, typer.Option("--device", help=_shown("device"))]
Dtype = Annotated[str, typer.Option("--dtype", help=_shown("dtype"), metavar="auto|float32|bfloat16|float16")]
LoadIn4Bit = Annotated[bool, typer.Option("--load-in-4bit", help=_shown("load_in_4bit"))]
GeneratorName = Annotated[
    str,
    typer.Option(
        "--generator",
        help=_shown("generator"),
        metavar="extractive|local|SOURCE:NAME|DIR|NAME",
    ),
]
Hits = Annotated[int, typer.Option("--hits", help=_shown("hits"))]
EvidenceTokens = Annotated[int, typer.Option("--evidence-tokens", help=_shown("evidence_tokens"))]
UseMemoryAnswer = Annotated[bool, typer.Option(help=_shown("use_memory_answer"))]
MaxNewTokens = Annotated[int, typer.Option("--max-new-tokens", help=_shown("max_new_tokens") + " 10 to 1024.")]
Temperature = Annotated[float, typer.Option("--temperature", help=_shown("temperature") + " 0 to 2.")]
ChunkOverlap = Annotated[int, typer.Option("--chunk-overlap", help=_shown("retrieval_chunk_overlap"))]
QuestionShare = Annotated[float, typer.Option("--question-share", help=_shown("question_share") + " 0 to 1.")]
QueryWeights = Annotated[
    list[str] | None,
    typer.Option(
        "--query-weight",
        help=f"Say of a kind of query in the ranking. Kinds: {', '.join(get_args(QueryKind))}.",
        metavar="KIND=NUMBER",
    ),
]
Reranker = Annotated[str, typer.Option("--reranker", help=_shown("reranker"), metavar="NAME|DIR")]
GistChunkSize = Annotated[int, typer.Option("--gist-chunk-size", help=_shown("gist_chunk_size"))]
GistTokens = Annotated[int, typer.Option("--gist-tokens", help=_shown("gist_tokens"))]
Kind = Annotated[str, typer.Option("--kind", help=_shown("kind"), metavar="gist|full|beacon")]
BeaconRatio = Annotated[str | None, typer.Option("--beacon-ratio", help=_shown("beacon_ratio"), metavar="NUMBER|auto")]
Storage = Annotated[str, typer.Option("--kv-storage", help=_shown("kv_storage"), metavar="exact|float16|int8|int4")]
KVKeep = Annotated[float, typer.Option("--kv-keep", help=_shown("kv_keep") + " Above 0, up to 1.")]
ChunkSize = Annotated[int, typer.Option("--chunk-size", help=_shown("retrieval_chunk_size"))]
PromptOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        help=f"Use another prompt template: KEY=TEXT or KEY=@FILE. Keys: {', '.join(get_args(PromptKey))}.",
        metavar="KEY=TEXT",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
ShowClues = Annotated[
    bool, typer.Option("--show-clues", help="Also show what was recalled from memory, and what was decided on the way.")
]


def make_options(
    prompts: Sequence[str] | None,
    query_weights: Sequence[str] | None = None,
    **values: Any,  # noqa: ANN401 - checked by the model
) -> RunOptions:
    """Check option values, prompt overrides and weights.

    Raises:
        InputError: Naming the option that cannot be used.
    """
    given = {"prompts": dict(map(_prompt, prompts or ())), "query_weights": dict(map(_weight, query_weights or ()))}
    return run_options({**values, **given})


def _weight(text: str) -> tuple[str, str]:
    kind, equals, weight = text.partition("=")
    if not equals:
        raise InputError("query-weight", f"{text!r} is not of the form KIND=NUMBER, such as draft=0.4")
    return kind, weight


def _prompt(text: str) -> tuple[str, str]:
    key, equals, template = text.partition("=")
    if not equals:
        raise InputError("prompt", f"{text!r} is not of the form KEY=TEXT or KEY=@FILE")
    if template.startswith("@"):
        path = Path(template[1:])
        try:
            template = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("prompt", f"{path} cannot be read ({error})") from None
    return key, clean_text(template)
