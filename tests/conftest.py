"""Tiny seeded models, and a guard that keeps tests off the network."""

import hashlib
import secrets
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.embeddings import Embeddings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from memorag_graph.documents import Document
from memorag_graph.inference.decode_session import open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.builder import Built, Recipe, cut_chunks
from memorag_graph.memory.kv_memory import DocumentInfo, Memory
from memorag_graph.memory.memory_model import MemoryModel
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.paths import user_dir
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.dense_index import FaissKind
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.settings import FastPathsOption, MemorySettings, RunOptions
from memorag_graph.text.chunking import Chunk, CountsTokens, split_chunks
from memorag_graph.text.languages import language
from tests.oidc_issuer import Issuer
from tests.openai_server import OpenAIServer

CONVERTED = user_dir() / "models"
"""Where the user's own converted models are."""

EXAMPLE = Path(__file__).parent.parent / "examples" / "skerrow_letters.txt"

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"]

TEXT = " ".join(
    f"In the year {year} the ferry carried {year * 7 % 1000} thousand people and {year * 3 % 900} lorries. "
    f"Captain {name} was proud of the harbour at {place}."
    for year, name, place in zip(
        range(1990, 2020),
        ["Struan", "Petrie", "Kemp", "Quill", "Oyelaran"] * 6,
        ["Thorle", "Inshay", "Brannay", "Averil", "Tarvay", "Sandholm"] * 5,
        strict=True,
    )
)


SLOWEST = (
    "embedded",
    "ui_users",
    "ui",
    "examples",
    "ui_conversations",
    "two_servers",
    "ui_login",
    "fifty_tenants",
    "library_object_store",
    "shared_memories",
    "two_servers_object_store",
    "ray_workers",
    "ray_gists",
    "faults",
    "langgraph_server",
    "revision",
    "remote_memory",
    "beacon",
)
"""Files that are spread over two thirds of a run: side by side they slow each other, last they are waited for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; they stay whole and keep their order within."""
    files = list(dict.fromkeys(item.path.name for item in items))
    slow = [name for name in (f"test_{it}.py" for it in SLOWEST) if name in files]
    order = [name for name in files if name not in slow]
    between = 2 * len(order) // (3 * len(SLOWEST))
    for number, name in enumerate(slow):
        order.insert(number * (between + 1), name)
    places = {name: place for place, name in enumerate(order)}
    items.sort(key=lambda item: places[item.path.name])


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail at once where a test would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests must not reach the network: {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's own directory and database out of tests."""
    directory = tmp_path_factory.mktemp("home")
    CONVERTED.mkdir(parents=True, exist_ok=True)
    (directory / "models").symlink_to(CONVERTED, target_is_directory=True)  # converting takes half a minute
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(directory))
    monkeypatch.delenv("MEMORAG_GRAPH_CATALOGUE", raising=False)
    return directory


def byte_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """Make a tokenizer of single bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=SPECIAL[2:],
    )
    fast.chat_template = template
    return fast


SIZES = {
    "vocab_size": 260,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}


def tiny_model(kind: str, seed: int = 0, fast_paths: FastPathsOption = "auto", **changes: object) -> LanguageModel:
    """Make a two-layer model with seeded random weights."""
    torch.manual_seed(seed)
    sizes = {**SIZES, **changes}
    model = LlamaForCausalLM(LlamaConfig(**sizes)) if kind == "llama" else Qwen2ForCausalLM(Qwen2Config(**sizes))
    for parameter in model.parameters():  # larger than usual, so that mistakes in attention show in the logits
        parameter.data.normal_(std=0.2)
    return LanguageModel(model.float(), byte_tokenizer(), f"tiny-{kind}", fast_paths=fast_paths)


@pytest.fixture(params=["llama", "qwen2"])
def language_model(request: pytest.FixtureRequest) -> LanguageModel:
    return tiny_model(request.param)


@pytest.fixture
def memory_model(language_model: LanguageModel) -> LocalMemoryModel:
    return LocalMemoryModel(language_model)


def split_documents(documents: list[Document], tokens: CountsTokens, size: int) -> list[Chunk]:
    """Split whole documents into chunks."""
    wholes = [Chunk(it.source, position, 0, len(it.text), it.text) for position, it in enumerate(documents)]
    return list(split_chunks(wholes, tokens, size))


def prefill(model: LanguageModel, tokens: list[int], prefix: KVPrefix | None = None) -> KVPrefix:
    """Read tokens after a prefix, or from the start, and return the grown prefix."""
    session = open_session(model.model, [prefix], len(tokens))
    session.prefill(0, tokens)
    return session.prefix()


def build(
    model: MemoryModel,
    documents: Sequence[Document | DocumentInfo],
    prompts: Prompts,
    settings: MemorySettings,
    embedding_model: str = "",
    **how: Any,
) -> Memory:
    """Build the memory of documents from scratch."""
    return model.build(documents, model.recipe(prompts, settings, embedding_model), **how).memory


def rebuild(model: MemoryModel, memory: Memory, documents: Sequence[Document | DocumentInfo], **how: Any) -> Memory:
    """Build the memory of other documents from an earlier memory."""
    recipe = Recipe(memory.prompts, memory.settings, memory.identity)
    return model.build(documents, recipe, known=Built(memory, []), **how).memory


def index_memory(
    memory: Memory,
    documents: Sequence[Document | DocumentInfo],
    tokens: CountsTokens,
    embeddings: Embeddings,
    known: tuple[Memory, MemoryIndex] | None = None,
) -> MemoryIndex:
    """Index the chunks of a memory's documents."""
    built = known and Built(known[0], list(known[1].chunks))
    chunks = cut_chunks(memory, documents, tokens, built)
    vectors = FaissKind().make(memory.id, chunks, embeddings, known[1].vectors if known else None)
    return MemoryIndex.of(vectors, memory.prompts.language.code)


SETTINGS = MemorySettings(gist_chunk_size=512, gist_tokens=64, gist_writer="model", retrieval_chunk_size=128)


@pytest.fixture
def documents() -> list[Document]:
    return [Document("letters.txt", TEXT)]


@pytest.fixture
def prompts() -> Prompts:
    return Prompts(language("en"))


class HashEmbeddings(Embeddings):
    """Bag-of-words vectors: each word has a direction that depends on the word alone."""

    def __init__(self, size: int = 64) -> None:
        self.size = size

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = np.full(self.size, 1e-6)
        for word in text.lower().split():
            seed = int.from_bytes(hashlib.sha256(word.strip(".,?!").encode()).digest()[:8], "big")
            vector += np.random.default_rng(seed).normal(size=self.size)
        return [float(value) for value in vector]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer of tokens on this machine."""
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def registry() -> Registry:
    """A registry that knows a tiny model and hash embeddings by name."""
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings())
    return registry


TINY = RunOptions(
    model="tiny-llama",
    embedding_model="hash",
    generator="extractive",
    gist_chunk_size=512,
    gist_tokens=64,
    gist_writer="model",
    retrieval_chunk_size=128,
    max_new_tokens=16,
)


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    yield server
    server.shutdown()
    server.server_close()


_RAY_TOKEN = secrets.token_hex(32)
"""Of all Rays that this process starts: Ray reads it once."""


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[str]:
    """The address of a Ray that this process has started, with two processors."""
    ray = pytest.importorskip("ray", reason="needs pip install 'memorag-graph[ray]'")
    from memorag_graph.library import ray_session

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", _RAY_TOKEN)  # not that of the user's home
        patch.setattr(ray_session, "usable_processors", lambda: 2)
        with ray_session.ray_session(""):
            yield ray.get_runtime_context().gcs_address
            assert ray.is_initialized()  # no change of a library has ended it


@pytest.fixture(scope="session")
def embedded_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the embedded model is converted to: the user's own directory, so that it is converted once."""
    from memorag_graph.models.embedded import has_embedded_models

    if not has_embedded_models():
        pytest.fail("the embedded models are missing; run the tests with: make test")
    return CONVERTED.parent


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the web demo's server."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def demo(demo_home: Path, embedded_home: Path) -> Iterator[str]:
    """The address of a web demo."""
    from tests.browser import demo_server

    with demo_server(demo_home, embedded_home) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium."""
    from tests.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a new user."""
    from tests.browser import new_page

    page = new_page(browser)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def report_url(demo: str, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a memory of ``tests.browser.report`` in the web demo."""
    from tests.browser import memorized, new_page, report

    page = new_page(browser)
    memorized(page, demo, report(tmp_path_factory.mktemp("report") / "report.pdf"))
    url: str = page.url.partition("&")[0]
    page.context.close()
    return url
