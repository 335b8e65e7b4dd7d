"""Code written for the original MemoRAG runs with only the import changed, on tiny models."""

from pathlib import Path
from typing import Any

import pytest

from memorag_graph.models.loading import ModelSource
from memorag_graph.prompts import REQUIRED_FIELDS, en_prompts, zh_prompts
from tests.conftest import TEXT, HashEmbeddings, tiny_model

FULL = """
from memorag_graph import MemoRAG
model = MemoRAG(
    mem_model_name_or_path="meta-llama/Meta-Llama-3.1-8B-Instruct",
    ret_model_name_or_path="BAAI/bge-m3",
    cache_dir="path_to_model_cache", # optional
    access_token="hugging_face_token" # optional
)
context = open("document.txt").read()
model.memorize(context, save_dir="my_cache", print_stats=True)
# QA using memory only
answer = model(context, "What are the main themes?", task_type="qa")
# Full MemoRAG pipeline (memory → retrieval → generation)
rag_answer = model(context, "What are the main themes?", task_type="memorag")
# Summarization
summary = model(context, task_type="summarize")
"""

LITE = """
from memorag_graph import MemoRAGLite
pipe = MemoRAGLite(
    gen_model_name_or_path="Qwen/Qwen2.5-1.5B-Instruct", # default
    ret_model_name_or_path="BAAI/bge-m3",
    ret_hit=3,
    retrieval_chunk_size=512,
    load_in_4bit=False,
    enable_flash_attn=True
)
context = open("document.txt").read()
pipe.memorize(context, save_dir="my_cache", print_stats=True)
# Load pre-cached memory
pipe.load("my_cache")
# Query
print(pipe("What is the book's main theme?"))
"""

AGENT = """
from memorag_graph import Agent
agent = Agent(
    model="gpt-4o",
    source="openai", # "openai" | "azure" | "deepseek"
    api_dict={"api_key": "sk-..."},
    temperature=0.0
)
# Use with MemoRAGLite
from memorag_graph import MemoRAGLite
pipe = MemoRAGLite(customized_gen_model=agent)
"""

BOOK = """
from memorag_graph import MemoRAGLite
pipe = MemoRAGLite()
context = open("harry_potter.txt").read()
pipe.memorize(context, save_dir="harry_potter", print_stats=True)
print(pipe("How are the mutual relationships of the main roles?"))
"""

SINGLE = """
from memorag_graph import Memory, Model, DenseRetriever
memory = Memory("meta-llama/Meta-Llama-3.1-8B-Instruct")
memory.memorize(open("document.txt").read())
told = [memory.recall("Who?"), memory.rewrite("Who?"), memory.answer("Who?"), memory.summarize()]
told += memory.generate_w_memory("Question: {question}", "Who?")
memory.save("kept")
memory.load("kept")
told += Model("Qwen/Qwen2.5-1.5B-Instruct").generate(["One?", "Two?"], batch_size=2, max_new_tokens=16)
retriever = DenseRetriever("BAAI/bge-m3", hits=2)
retriever.add(["one text", "another text"])
scores, indices = retriever.search("another text")
retriever.remove_all()
"""


@pytest.fixture(autouse=True)
def _tiny_models_under_known_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"meta-llama/Meta-Llama-3.1-8B-Instruct": "llama", "Qwen/Qwen2.5-1.5B-Instruct": "qwen2"}
    sources: list[ModelSource] = []

    def load(source: ModelSource) -> Any:
        sources.append(source)
        return HashEmbeddings() if source.name == "BAAI/bge-m3" else tiny_model(kinds[source.name])

    for name in ("load_language_model", "load_embeddings"):
        monkeypatch.setattr(f"memorag_graph.model_pool.{name}", load)
    from memorag_graph.graph import registry

    monkeypatch.setattr(registry.models, "_models", {})
    monkeypatch.chdir(tmp_path)
    for name in ("document.txt", "harry_potter.txt"):
        (tmp_path / name).write_text(TEXT, encoding="utf-8")


def run(code: str) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    exec(compile(code, "brief", "exec"), shared)
    return shared


def test_the_full_pipeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(FULL)
    assert ran["answer"]
    assert ran["rag_answer"]
    assert ran["summary"]
    assert ran["model"].result["task"] == "summarize"
    assert {"memory.bin", "index.bin", "chunks.json"} <= {path.name for path in (tmp_path / "my_cache").iterdir()}
    assert "Memory file size: " in capsys.readouterr().out


@pytest.mark.parametrize("code", [LITE, BOOK])
def test_the_light_pipeline(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(code)
    printed = capsys.readouterr().out
    assert printed.startswith("Detected language: en\nContext length: ")
    assert "Number of chunks in retrieval corpus: " in printed
    assert printed.splitlines()[-1]


def test_a_served_generator() -> None:
    ran = run(AGENT)
    assert ran["pipe"].session.options.generator.startswith("customized-")
    assert "sk-" not in f"{ran['agent']!r}{vars(ran['pipe'])}{ran['pipe'].session.options}"


def test_the_prompts_by_their_keys() -> None:
    keys = {"context", "gist", "span", "sur", "qa", "sum", "qa_gen", "sum_gen"}
    assert set(en_prompts) == set(zh_prompts) == keys
    for key, fields in REQUIRED_FIELDS.items():
        assert all(f"{{{field}}}" in prompts[key] for prompts in (en_prompts, zh_prompts) for field in fields)


def test_each_class_without_a_pipeline() -> None:
    ran = run(SINGLE)
    assert len(ran["told"]) == 7
    assert ran["indices"].tolist()[0] == [1, 0]
    assert ran["retriever"].num_keys == 0
