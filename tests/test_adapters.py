"""Adapters: they act on the question's turn and the answer; a memory serves requests with and without them."""

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from memorag_graph.clue_trust import clue_weights, keep, trust_fingerprint
from memorag_graph.documents import Document
from memorag_graph.errors import InputError, ModelError
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.low_rank import LowRank, LowRankUpdates
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_model import Completion
from memorag_graph.models.adapter import Learned, load_adapter, save_adapter
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.clue_weights import CAREFUL, LEVELS, TRUSTING
from memorag_graph.settings import FastPathsOption, PromptKey
from tests.conftest import SETTINGS, TINY, HashEmbeddings, build, prefill, tiny_model

EXTRACTIVE = SETTINGS.model_copy(update={"gist_writer": "extractive"})
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RANK = 3


def random_weights(model: LanguageModel, scale: float = 0.3) -> dict[str, LowRank]:
    """Updates of every layer; with a scale of 0 they change nothing."""
    random = torch.Generator().manual_seed(1)
    found = {}
    for name, layer in model.model.named_modules():
        if name.rpartition(".")[2] in LAYERS:
            down = torch.randn(RANK, layer.in_features, generator=random) * 0.3  # type: ignore[call-overload]
            up = torch.randn(layer.out_features, RANK, generator=random) * scale  # type: ignore[call-overload]
            found[name] = LowRank(down, up)
    return found


def merged(weights: dict[str, LowRank]) -> LanguageModel:
    """The same tiny model with the updates added to its weights: what an adapter has to compute."""
    whole = tiny_model("llama", fast_paths="off")
    with torch.no_grad():
        for name, update in weights.items():
            whole.model.get_submodule(name).weight += update.up @ update.down
    return whole


def adapter_file(
    path: Path, model: LanguageModel, scale: float = 0.3, prompts: Sequence[PromptKey] = ("qa",), trust: str = "draft"
) -> Path:
    learned = Learned(model.fingerprint, frozenset(prompts), 12, trust)
    save_adapter(path, learned, random_weights(model, scale))
    return path


def ask(model: LocalMemoryModel, memory: Memory, question: str, *, adapted: bool) -> Completion:
    return model.complete(memory, [Turn("user", question)], Sampling(12), adapted=adapted)


def kept(memory: Memory) -> list[Tensor]:
    return [tensor.clone() for shard in memory.shards for layer in shard.kv.layers for tensor in layer]


@pytest.mark.parametrize("fast_paths", ["auto", "off"])
def test_updates_compute_what_a_model_with_merged_weights_does_over_the_same_prefix(
    fast_paths: FastPathsOption,
) -> None:
    base = tiny_model("llama", fast_paths=fast_paths)
    weights = random_weights(base)
    prefix = prefill(base, list(range(5, 45)))
    updates = LowRankUpdates(base.model, weights)

    def logits(model: LanguageModel, own: KVPrefix) -> Tensor:
        session = open_session(model.model, [own], 16)
        session.prefill(0, [50, 60, 70])
        return torch.stack([session.step([token])[0] for token in (80, 90)])

    plain = logits(base, prefix)
    with updates.active():
        found = logits(base, prefix)
    expected = logits(merged(weights), prefix)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert (found - plain).norm() > 0.1 * plain.norm()
    assert torch.equal(logits(base, prefix), plain)  # switched off again


@pytest.fixture
def local() -> LocalMemoryModel:
    return LocalMemoryModel(tiny_model("llama"))


@pytest.fixture
def memory(local: LocalMemoryModel, documents: list[Document], prompts: Prompts) -> Memory:
    return build(local, documents, prompts, EXTRACTIVE)


@pytest.fixture
def adapted(local: LocalMemoryModel, tmp_path: Path) -> LocalMemoryModel:
    path = adapter_file(tmp_path / "adapter.safetensors", local.language_model)
    return local.with_adapter(load_adapter(path, local.language_model))


def test_a_memory_is_unchanged_to_the_bit_and_the_same_with_and_without_an_adapter(
    adapted: LocalMemoryModel, memory: Memory, documents: list[Document], prompts: Prompts
) -> None:
    before = kept(memory)
    answers = [ask(adapted, memory, "Who?", adapted=it).text for it in (True, False, True)]
    assert answers[0] == answers[2] != answers[1]
    assert all(map(torch.equal, kept(memory), before))
    again = build(adapted, documents, prompts, EXTRACTIVE)
    assert again.id == memory.id
    assert all(map(torch.equal, kept(again), before))


def test_a_zero_adapter_equals_the_model_without_one(local: LocalMemoryModel, memory: Memory, tmp_path: Path) -> None:
    path = adapter_file(tmp_path / "zero.safetensors", local.language_model, scale=0.0)
    zero = local.with_adapter(load_adapter(path, local.language_model))
    updates = cast("LowRankUpdates", zero._updates(True))
    prefix = memory.shards[0].kv

    def logits() -> Tensor:
        session = open_session(local.language_model.model, [prefix, prefix], 16)
        session.prefill(0, [50, 60])
        session.prefill(1, [70])
        return session.step([80, 90])

    plain = logits()
    with updates.active():
        assert torch.equal(logits(), plain)
    assert ask(zero, memory, "Who?", adapted=True) == ask(local, memory, "Who?", adapted=False)


def test_answers_of_a_mixed_crowd_are_those_of_single_requests(adapted: LocalMemoryModel, memory: Memory) -> None:
    questions = [
        "Who rebuilt it?",
        "7",
        "Name the ferry and its captain, please.",
        "Why",
        "Where? When? How?",
        "List all.",
    ]
    asked = [(question, number % 2 == 0) for number, question in enumerate(questions)]
    alone = [ask(adapted, memory, question, adapted=wanted).text for question, wanted in asked]
    assert len(set(alone)) > 2
    together: dict[int, str] = {}

    def run(number: int) -> None:
        question, wanted = asked[number]
        together[number] = ask(adapted, memory, question, adapted=wanted).text

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(len(asked))] == alone


def test_a_saved_memory_gives_the_same_clues_with_an_adapter(documents: list[Document], tmp_path: Path) -> None:
    options = TINY.model_copy(update={"gist_writer": "extractive"})

    def drafted() -> tuple[str, str]:
        registry = Registry()
        model = tiny_model("llama")
        registry.add_memory_model("tiny-llama", LocalMemoryModel(model))
        registry.add_embeddings("hash", HashEmbeddings())
        path = adapter_file(tmp_path / "adapter.safetensors", model)
        chosen = options.model_copy(update={"adapter": str(path)})
        opened = registry.memorize(documents, chosen, tmp_path / "memory")
        assert opened.model is registry.open(opened.memory.id, chosen).model
        own = cast("LocalMemoryModel", opened.model)
        assert cast("LocalMemoryModel", registry.open(opened.memory.id, options).model).adapter is None
        return opened.memory.id, ask(own, opened.memory, "Who?", adapted=True).text

    assert drafted() == drafted()


def test_the_graph_asks_for_the_clues_that_an_adapter_learned(
    registry: Registry, documents: list[Document], tmp_path: Path
) -> None:
    model = registry.models.memory_model("tiny-llama", TINY).language_model
    path = adapter_file(tmp_path / "adapter.safetensors", cast("LanguageModel", model), prompts=["qa"])
    opened = registry.memorize(documents, TINY)

    def nodes(adapter: str) -> set[str]:
        from memorag_graph.graph import build_graph

        options = TINY.model_copy(update={"adapter": adapter})
        state = build_graph(registry).invoke({"query": "Who?", "memory_id": opened.memory.id}, context=options)
        return set(state["timings"])

    assert nodes("") == {"memorize", "recall", "rewrite", "retrieve", "generate"}
    assert nodes(str(path)) == {"memorize", "draft_answer", "retrieve", "generate"}


def test_trust_is_that_of_the_adapter_unless_it_was_measured(
    adapted: LocalMemoryModel, local: LocalMemoryModel
) -> None:
    assert clue_weights(local) == CAREFUL
    assert clue_weights(adapted) == LEVELS["draft"]
    assert trust_fingerprint(adapted) != trust_fingerprint(local) == local.language_model.fingerprint
    keep(trust_fingerprint(adapted), TRUSTING, {})
    assert (clue_weights(adapted), clue_weights(local)) == (TRUSTING, CAREFUL)


def test_adapters_that_cannot_be_used_are_refused_in_words(local: LocalMemoryModel, tmp_path: Path) -> None:
    model = local.language_model
    other = tiny_model("llama", seed=7)
    with pytest.raises(ModelError, match=r"no adapter .*none; make one with: memorag-graph train"):
        load_adapter(tmp_path / "none", model)
    with pytest.raises(ModelError, match="was trained for another memory model than 'tiny-llama'; use that model"):
        load_adapter(adapter_file(tmp_path / "other", other), model)
    (tmp_path / "torn").write_bytes(adapter_file(tmp_path / "whole", model).read_bytes()[:400])
    save_file({"a.down": torch.zeros(1)}, tmp_path / "strange")
    for name in ("torn", "strange"):
        with pytest.raises(ModelError, match=f"{name} is not an adapter that memorag-graph train made"):
            load_adapter(tmp_path / name, model)
    weights = {"model.layers.0.self_attn.q_proj": LowRank(torch.zeros(1, 9), torch.zeros(9, 1))}
    save_adapter(tmp_path / "shape", Learned(model.fingerprint, frozenset({"qa"}), 9, ""), weights)
    with pytest.raises(ModelError, match=r"does not fit the memory model 'tiny-llama': the layer .*q_proj has another"):
        load_adapter(tmp_path / "shape", model)


def test_a_served_model_takes_no_adapter(registry: Registry, tmp_path: Path) -> None:
    registry.models.add("model", "far", SimpleNamespace(language_model=SimpleNamespace(name="far")))
    with pytest.raises(InputError, match="adapter: is for models that run here, not for far"):
        registry.models.memory_model("far", TINY.model_copy(update={"adapter": "x"}))


def test_few_rows_are_updated_once() -> None:
    model, name = tiny_model("llama").model, "model.layers.0.self_attn.o_proj"
    update = random_weights(tiny_model("llama"))[name]
    states = torch.randn(1, 32, generator=torch.Generator().manual_seed(2))
    layer = model.get_submodule(name)
    with torch.inference_mode():
        plain = layer(states)
        with LowRankUpdates(model, {name: update}).active():
            found = layer(states)  # a packed layer pads them
        torch.testing.assert_close(found, plain + states @ update.down.T @ update.up.T)
