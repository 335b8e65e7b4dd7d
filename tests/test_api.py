"""The Python interface of MemoRAG, over tiny models under the names that it has by default."""

import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage

import memorag_graph
from memorag_graph import DenseRetriever, MemoRAG, MemoRAGLite, Memory, Model
from memorag_graph.api.arguments import question_and_context
from memorag_graph.api.session import Session, read_context
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.graph import build_graph
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.models.loading import DEFAULT_EMBEDDING_MODEL, DEFAULT_MODEL
from memorag_graph.models.sampling import Sampling, TokenPicker
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT as LONG_TEXT
from tests.conftest import HashEmbeddings, tiny_model

LLAMA = "meta-llama/Meta-Llama-3.1-8B-Instruct"
QUESTION = "Who was proud of the harbour at Thorle?"
TEXT = LONG_TEXT[:1400]
OTHER = TEXT.replace("ferry", "railway").replace("harbour", "station")
SMALL: dict[str, Any] = {"gist_chunk_size": 512, "gist_tokens": 64, "generator": "extractive"}


@pytest.fixture
def registry() -> Registry:
    """Tiny models under the names that the interface uses by default."""
    registry = Registry()
    registry.add_memory_model(DEFAULT_MODEL, LocalMemoryModel(tiny_model("qwen2")))
    registry.add_memory_model(LLAMA, LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings(DEFAULT_EMBEDDING_MODEL, HashEmbeddings())
    return registry


@pytest.fixture
def lite(registry: Registry) -> MemoRAGLite:
    return MemoRAGLite(retrieval_chunk_size=128, registry=registry, **SMALL)


@pytest.fixture
def full(registry: Registry) -> MemoRAG:
    return MemoRAG(LLAMA, DEFAULT_EMBEDDING_MODEL, retrieval_chunk_size=128, generator="extractive", registry=registry)


def test_the_pipeline_answers_as_the_graph_does(lite: MemoRAGLite, registry: Registry) -> None:
    lite.memorize(TEXT)
    answer = lite(QUESTION)
    expected = build_graph(registry).invoke(
        {"context": TEXT, "query": QUESTION},
        context=lite.session.options,  # type: ignore[call-overload]
    )
    assert answer == expected["answer"]
    assert lite.result["citations"] == expected["citations"] != []


@pytest.mark.parametrize("task_type", ["qa", "memorag", "summarize"])
def test_the_order_of_question_and_context_is_free(full: MemoRAG, lite: MemoRAGLite, task_type: str) -> None:
    for pipe in (full, lite):
        answers = {
            pipe(TEXT, QUESTION, task_type=task_type, max_new_tokens=12),
            pipe(QUESTION, TEXT, task_type=task_type, max_new_tokens=12),
            pipe(query=QUESTION, context=TEXT, task_type=task_type, max_new_tokens=12),
            pipe(TEXT, query=QUESTION, task_type=task_type, max_new_tokens=12),
            pipe(QUESTION, context=TEXT, task_type=task_type, max_new_tokens=12),
            pipe(QUESTION, TEXT, task_type, max_new_tokens=12),
            pipe(TEXT, QUESTION, task_type, None, 12, reset_each_call=True),
        }
        assert len(answers) == 1
        assert pipe.result["question"] == QUESTION
    with pytest.raises(InputError, match="max_new_tokens"):
        lite(TEXT, QUESTION, task_type, max_new_tokens=5)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Where is Ann, and where has she been all this time?", "At sea."), (0, 1)),
        (("At sea.", "Where is Ann, and where has she been all this time?"), (1, 0)),
        (("Name the captain.", "Ann is the captain of the ship."), (0, 1)),
        (("Ann is the captain of the ship.", "Name the captain."), (1, 0)),
        (("Why? Nobody knows. That is all.", "Why?"), (1, 0)),
        (("a question that is longer", "the text"), (0, 1)),
    ],
)
def test_of_two_texts_the_question_is_recognized(texts: tuple[str, str], expected: tuple[int, int]) -> None:
    question, context = question_and_context(texts, None, None, "memorag", lambda text: text == "the text")
    assert (question, context) == (texts[expected[0]], texts[expected[1]])


def test_a_summary_takes_its_only_text_as_the_context(full: MemoRAG, lite: MemoRAGLite) -> None:
    for pipe in (full, lite):
        assert pipe(TEXT, task_type="summarize")
        assert pipe.result["outline"]
        assert pipe.result["question"] == "Summarize the document."


def test_new_context_wins_over_an_older_memory(lite: MemoRAGLite) -> None:
    lite.memorize(TEXT)
    lite(QUESTION, context=OTHER)
    assert all(OTHER[it["start"] : it["end"]] == it["quote"] for it in lite.result["citations"])
    lite(QUESTION)
    assert all(OTHER[it["start"] : it["end"]] == it["quote"] for it in lite.result["citations"])
    with pytest.raises(InputError, match="no memory yet"):
        lite(QUESTION, reset_each_call=True)


def test_a_saved_memory_is_loaded_and_its_size_is_printed(
    lite: MemoRAGLite, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_dir = tmp_path / "my_cache"
    lite.memorize(TEXT, save_dir=str(save_dir), print_stats=True)
    printed = capsys.readouterr().out
    assert {"memory.bin", "index.bin", "chunks.json"} <= {path.name for path in save_dir.iterdir()}
    size = (save_dir / "memory.bin").stat().st_size / 1024**3
    tokens = registry.models.memory_model(DEFAULT_MODEL, lite.session.options).language_model.count(TEXT)
    lines = [
        "Detected language: en",
        f"Context length: {tokens} tokens",
        f"Memory file size: {size:.2f} GB",
        f"Number of chunks in retrieval corpus: {lite.result.get('chunks', len(lite.session.opened().index.chunks))}",
    ]
    assert printed.splitlines() == lines
    answer = lite(QUESTION)
    another = MemoRAGLite(retrieval_chunk_size=128, registry=registry, **SMALL)
    another.load(str(save_dir), print_stats=True)
    assert capsys.readouterr().out.splitlines() == lines
    assert another(QUESTION) == answer
    assert another(TEXT, QUESTION) == answer
    assert not registry.store.root.exists() or registry.store.memories() == []  # the text was not kept twice
    with pytest.raises(MemoryFileError, match="does not exist"):
        another.load(str(tmp_path / "nowhere"))
    assert another(QUESTION) == answer


def _remove(directory: Path) -> None:
    shutil.rmtree(directory)


def _damage(directory: Path) -> None:
    (directory / "manifest.json").write_text("damaged")


@pytest.mark.parametrize("spoil", [_remove, _damage])
@pytest.mark.parametrize("text", [TEXT, OTHER], ids=["same text", "new text"])
def test_a_given_text_does_not_need_the_earlier_memory(
    lite: MemoRAGLite, tmp_path: Path, text: str, spoil: Callable[[Path], None]
) -> None:
    for ask in (lambda: lite.memorize(text), lambda: None):
        lite.memorize(TEXT, tmp_path / "old")
        spoil(tmp_path / "old")
        ask()
        lite(text, QUESTION, "lookup")
        assert lite.result["citations"]
        assert all(text[it["start"] : it["end"]] == it["quote"] for it in lite.result["citations"])
        shutil.rmtree(tmp_path / "old", ignore_errors=True)


def test_relative_directories_are_resolved_when_they_are_given(
    lite: MemoRAGLite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    memory = lite.mem_model

    def works_elsewhere() -> None:
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert lite(QUESTION, task_type="lookup")
        assert memory.generate_w_memory("Say", max_new_tokens=4)
        monkeypatch.chdir(tmp_path)

    monkeypatch.chdir(tmp_path)
    lite.memorize(TEXT, "memorized")
    works_elsewhere()
    memory.save("saved")
    for name in ("saved", "saved/memory.bin"):
        lite.load(name)
        works_elsewhere()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_relative_paths_of_models_are_resolved_when_they_are_given(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("my_model", "my_reranker", "registered", "hub"):
        (tmp_path / name).mkdir()
    registry.add_embeddings("registered", HashEmbeddings())
    given = RunOptions(model="my_model", embedding_model="registered", reranker="my_reranker")
    options = Session(registry, given).options
    assert (options.model, options.embedding_model) == (str(tmp_path / "my_model"), "registered")
    assert (options.reranker, options.generator) == (str(tmp_path / "my_reranker"), "")


def test_a_memory_without_a_pipeline(registry: Registry, tmp_path: Path) -> None:
    memory = Memory(LLAMA, registry=registry)
    with pytest.raises(InputError, match="no memory yet"):
        memory.answer(QUESTION)
    memory.memorize(TEXT)
    expected = [memory.recall(QUESTION), memory.rewrite(QUESTION), memory.answer(QUESTION), memory.summarize()]
    assert expected[0]
    assert expected[3]
    assert (
        expected[2]
        == memory.generate_w_memory(
            memory.session.opened().prompts(memory.session.options).fill("qa", question=QUESTION), max_new_tokens=128
        )[0]
    )
    both = memory.generate_w_memory(["Say: {question}", "Deny: {question}"], QUESTION, max_new_tokens=12)
    assert both == [memory.generate_w_memory(f"{word}: {QUESTION}", max_new_tokens=12)[0] for word in ("Say", "Deny")]
    assert memory.generate_w_memory("Say", max_new_tokens=12, with_cache=False) == memory.generate(
        "Say", max_new_tokens=12
    )
    memory.save(tmp_path / "kept")
    again = Memory(LLAMA, registry=registry)
    for path in (tmp_path / "kept", tmp_path / "kept" / "memory.bin"):
        again.load(path)
        assert [again.recall(QUESTION), again.rewrite(QUESTION), again.answer(QUESTION), again.summarize()] == expected
    again.reset()
    with pytest.raises(InputError, match="no memory yet"):
        again.summarize()


def test_a_model_answers_a_batch_like_single_prompts(registry: Registry) -> None:
    model = Model(DEFAULT_MODEL, registry=registry)
    prompts = [f"How many in {year}?" for year in range(1990, 1996)]
    alone = [model.generate(prompt, max_new_tokens=12)[0] for prompt in prompts]
    assert model.generate(prompts, batch_size=4, max_new_tokens=12) == alone
    assert model.generate(prompts[0], max_new_tokens=12, do_sample=True, top_p=1e-6) == alone[:1]
    for field, settings in (
        ("temperature", {"temperature": 2.5, "do_sample": True}),
        ("top_p", {"top_p": 0.0, "do_sample": True}),
        ("batch_size", {"batch_size": 0}),
        ("max_new_tokens", {"max_new_tokens": 0}),
    ):
        with pytest.raises(InputError, match=field):
            model.generate("?", **settings)  # type: ignore[arg-type]


def test_sampling_keeps_to_the_nucleus() -> None:
    import torch

    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    picked = {TokenPicker(Sampling(temperature=1.0, top_p=0.7, seed=seed)).pick(logits) for seed in range(200)}
    assert picked == {0, 1}
    picked = {TokenPicker(Sampling(temperature=1.0, top_p=0.81, seed=seed)).pick(logits) for seed in range(200)}
    assert picked == {0, 1, 2}


class Parrot:
    """A generator with the original's interface and nothing else."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def generate(self, prompts: str, **settings: Any) -> list[str]:
        self.prompts.append(prompts)
        return ["It was Struan [1]."]


def test_any_generator_can_be_given(registry: Registry) -> None:
    parrot = Parrot()
    chat = GenericFakeChatModel(messages=iter([AIMessage("It was Struan [1].")]))
    for generator in (parrot, chat):
        pipe = MemoRAGLite(customized_gen_model=generator, registry=registry, **{**SMALL, "generator": ""})
        assert pipe(QUESTION, TEXT) == "It was Struan [1]."
        assert pipe.result["citations"]
    assert QUESTION in parrot.prompts[0]
    pipe = MemoRAG(LLAMA, gen_model_name_or_path=DEFAULT_MODEL, registry=registry)
    assert pipe.session.options.generator == DEFAULT_MODEL
    assert pipe(QUESTION, TEXT, max_new_tokens=10)
    with pytest.raises(InputError, match="customized_gen_model"):
        MemoRAGLite(customized_gen_model=7, registry=registry)


@pytest.mark.parametrize("template", ["E: {context} Q: {input}", "E: {evidence} Q: {question}"])
def test_the_callers_prompt_is_used(registry: Registry, template: str) -> None:
    parrot = Parrot()
    pipe = MemoRAGLite(customized_gen_model=parrot, registry=registry, **{**SMALL, "generator": ""})
    pipe(QUESTION, TEXT, prompt_template=template)
    assert parrot.prompts[0].startswith("E: What stands between <document ")
    assert "\n\n[1] <document " in parrot.prompts[0]
    assert parrot.prompts[0].endswith(f" Q: {QUESTION}")
    with pytest.raises(InputError, match="must contain"):
        pipe(QUESTION, TEXT, prompt_template="Nothing in it")


def test_documents_of_a_loader_are_memorized(lite: MemoRAGLite) -> None:
    lite([Document(TEXT, metadata={"source": "a.txt"})], QUESTION)
    assert {it["source"] for it in lite.result["citations"]} == {"a.txt"}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"query": " "}, "query"),
        ({"task_type": "rag"}, "task_type"),
        ({"max_new_tokens": 5}, "max_new_tokens"),
        ({"context": ""}, "context"),
        ({"context": 7}, "context"),
        ({"query": 7}, "query"),
    ],
)
def test_bad_arguments_are_refused_by_name(lite: MemoRAGLite, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as error:
        lite(**{"query": QUESTION, "context": TEXT, **arguments})
    assert error.value.field == field


@pytest.mark.parametrize(
    ("option", "field"),
    [({"ret_hit": 0}, "hits"), ({"retrieval_chunk_size": 1}, "retrieval_chunk_size"), ({"x": 1}, "x")],
)
def test_bad_options_are_refused_by_name(registry: Registry, option: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as error:
        MemoRAGLite(registry=registry, **option)
    assert error.value.field == field
    with pytest.raises(InputError, match="task_type"):
        MemoRAGLite(registry=registry)(QUESTION, TEXT, "a third text")
    with pytest.raises(InputError, match="beacon_ratio"):
        Model(LLAMA, beacon_ratio=0, registry=registry)


def test_the_retriever_equals_brute_force(registry: Registry) -> None:
    retriever = DenseRetriever(registry=registry, hits=3)
    with pytest.raises(InputError, match="add texts first"):
        retriever.search("ferry")
    texts = [sentence for sentence in LONG_TEXT.split(". ") if sentence]
    retriever.add(texts[:20])
    retriever.add(texts[20:])
    queries = ["Captain Petrie at Inshay", "lorries in 1999"]
    scores, found = retriever.search(queries)
    vectors = np.array(HashEmbeddings().embed_documents([*texts, *queries]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = vectors[len(texts) :] @ vectors[: len(texts)].T
    assert scores.shape == found.shape == (2, 3)
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :3], atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(expected, found, axis=1), scores, atol=1e-5)
    assert retriever.num_keys == len(texts)
    retriever.remove_all()
    retriever.add(["one"])
    assert retriever.search("one", hits=2)[1].tolist() == [[0, -1]]
    for docs in ("text", [1]):
        with pytest.raises(InputError, match="docs"):
            retriever.add(docs)  # type: ignore[arg-type]


def test_the_public_names_exist_and_others_do_not() -> None:
    assert {"MemoRAG", "MemoRAGLite", "Memory", "Model", "Agent", "DenseRetriever"} <= set(dir(memorag_graph))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        memorag_graph.Nothing  # noqa: B018


def test_a_short_request_for_a_summary_is_not_memorized(lite: MemoRAGLite) -> None:
    lite.memorize(TEXT)
    held = lite.session.opened().memory.id
    assert lite("Summarize what is said of the harbour.", task_type="summarize")
    assert lite.session.opened().memory.id == held
    lite(OTHER, task_type="summarize")
    assert lite.session.opened().memory.id != held


def test_each_pipeline_keeps_the_generator_it_was_given(registry: Registry) -> None:
    def pipe(reply: str) -> MemoRAGLite:
        return MemoRAGLite(customized_gen_model=FakeListChatModel(responses=[reply]), registry=registry)

    one, two = pipe("One [1]."), pipe("Two [1].")
    for it in (one, two):
        it.memorize(TEXT)
    assert (one(QUESTION), two(QUESTION), one(QUESTION)) == ("One [1].", "Two [1].", "One [1].")


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (["a text", "another"], "join the texts"),
        (b"a text", "not bytes"),
        (Path("a.txt"), "path.read_text()"),
        ([1], "must be LangChain documents, not int"),
        (3, "must be a text, documents or a loader"),
    ],
)
def test_invalid_context_is_refused_with_advice(lite: MemoRAGLite, given: Any, advice: str) -> None:
    with pytest.raises(InputError, match=re.escape(advice)):
        lite.memorize(given)


def test_the_name_of_a_file_is_not_memorized_as_a_text(lite: MemoRAGLite, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text(TEXT)
    with pytest.raises(InputError, match="names a file"):
        lite.memorize(str(tmp_path / "report.txt"))
    lite.memorize(Document(page_content=TEXT))
    assert lite(QUESTION)


@pytest.mark.parametrize("length", [1, 255, 256, 700, 1023, 5000])
def test_a_text_of_any_length_is_a_text(length: int) -> None:
    for text in ("x" * length, "x/" * length, "x\n" * length, "x\0" * length):
        (document,) = read_context(text)
        assert document.text.count("x") == length


@pytest.mark.parametrize("name", ["manifest.json", "notes.json", "memory.bin"])
def test_files_of_the_user_are_not_replaced(lite: MemoRAGLite, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"my": "own"}')
    with pytest.raises(MemoryFileError, match=f"{name} is not part of a memory"):
        lite.memorize(TEXT, tmp_path)
    lite.memorize(TEXT)
    with pytest.raises(MemoryFileError, match=f"{name} is not part of a memory"):
        lite.session.save(tmp_path)
    assert (tmp_path / name).read_text() == '{"my": "own"}'
    (tmp_path / name).rename(tmp_path / "mine.json")
    lite.memorize(TEXT, tmp_path)
    lite.memorize(OTHER, tmp_path)
    assert lite(QUESTION)


def test_values_of_other_types_are_refused_by_name(registry: Registry) -> None:
    model, memory = Model(LLAMA, registry=registry), Memory(LLAMA, registry=registry)
    retriever = DenseRetriever(DEFAULT_EMBEDDING_MODEL, registry=registry)
    memory.memorize(TEXT)
    retriever.add(text for text in ("one", "two"))
    calls: list[tuple[str, Callable[[], object]]] = [
        ("prompts", lambda: model.generate(None)),  # type: ignore[arg-type]
        ("prompts", lambda: model.generate([5])),  # type: ignore[list-item]
        ("max_new_tokens", lambda: model.generate("Hi", max_new_tokens="ten")),  # type: ignore[arg-type]
        ("temperature", lambda: model.generate("Hi", temperature="hot", do_sample=True)),  # type: ignore[arg-type]
        ("query", lambda: memory.answer("")),
        ("query", lambda: memory.recall(None)),  # type: ignore[arg-type]
        ("instruct", lambda: memory.generate_w_memory(3)),  # type: ignore[arg-type]
        ("docs", lambda: retriever.add(None)),  # type: ignore[arg-type]
        ("queries", lambda: retriever.search([5])),  # type: ignore[list-item]
        ("hits", lambda: retriever.search("one", "3")),  # type: ignore[arg-type]
        ("kind", lambda: Memory(LLAMA, kind="foo", registry=registry)),  # type: ignore[arg-type]
    ]
    for field, call in calls:
        with pytest.raises(InputError) as error:
            call()
        assert error.value.field == field


def test_an_access_token_appears_in_no_text(caplog: pytest.LogCaptureFixture, registry: Registry) -> None:
    caplog.set_level(logging.DEBUG)
    model = Model(DEFAULT_MODEL, access_token="hf_secret", registry=registry)
    own = Registry(access_token="hf_secret")
    assert "hf_secret" not in f"{vars(model)} {model!r} {own!r} {vars(own)} {caplog.text}"
