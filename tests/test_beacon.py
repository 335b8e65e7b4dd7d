"""Beacon memory: against the algorithm written out, whatever the pieces; checkpoints, ratios, files, the graph."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from memorag_graph.api.pipeline import MemoRAG
from memorag_graph.beacon.checkpoint import beacon_class, load_beacon_model, read_config
from memorag_graph.beacon.compressor import BeaconCompressor
from memorag_graph.beacon.config import BeaconConfig
from memorag_graph.beacon.memory_kind import BeaconMemoryModel, chosen_ratio, longest, positions_needed
from memorag_graph.beacon.ratios import Ratios
from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryMismatchError, ModelError
from memorag_graph.graph import build_graph
from memorag_graph.inference.decode_session import open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.build.kinds import turn_room
from memorag_graph.memory.build.revision import appended, removed, replaced
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.loading import ModelSource, load_language_model
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.settings import MemorySettings, RunOptions, run_options
from tests.beacon_golden import check_folder
from tests.beacon_oracle import Oracle
from tests.conftest import SIZES, TEXT, HashEmbeddings, build, byte_tokenizer, rebuild
from tests.test_decode_session import random_tokens
from tests.warm_process import run_warm

WINDOW = 64
BEACONS = {
    "beacon_window": WINDOW,
    "beacon_stride": WINDOW,
    "beacon_pos": "interleave",
    "beacon_attn": "full-coverage",
    "beacon_ratio": [2, 4, 8],
    "beacon_param": ["q", "k", "v"],
    "auto_map": {"AutoModelForCausalLM": "modeling_nowhere.Beacon"},
}


def make_checkpoint(place: Path, kind: str = "qwen2", seed: int = 0, **changes: Any) -> Path:
    """Save a tiny seeded checkpoint with beacons."""
    torch.manual_seed(seed)
    fields = {**SIZES, **BEACONS, **({"beacon_param": ["q", "k", "v", "o"]} if kind == "mistral" else {}), **changes}
    stock, config = (
        (MistralForCausalLM, MistralConfig(**fields, sliding_window=16))
        if kind == "mistral"
        else (Qwen2ForCausalLM, Qwen2Config(**fields))
    )
    model = beacon_class(stock)(config)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.2)
    model.save_pretrained(place)
    byte_tokenizer().save_pretrained(place)
    described = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**described, "architectures": [stock.__name__]}))
    return place


@pytest.fixture(scope="module", params=["qwen2", "mistral"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("memorag") / f"memorag-tiny-{request.param}", request.param)


@pytest.fixture(scope="module")
def language_model(checkpoint: Path) -> LanguageModel:
    return load_language_model(ModelSource(str(checkpoint), device="cpu", dtype="float32"))


def reader_of(model: LanguageModel, ratio: int = 4, side_by_side: int = 1) -> BeaconCompressor:
    assert model.beacons is not None
    return BeaconCompressor(model.model, replace(model.beacons, ratios=(ratio,)), side_by_side)


def difference(one: KVPrefix, other: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> float:
    assert len(one.layers) == len(other)
    pairs = [(a, b) for mine, theirs in zip(one.layers, other, strict=True) for a, b in zip(mine, theirs, strict=True)]
    assert all(a.shape == b.shape for a, b in pairs)
    return max(float((a - b).abs().max()) for a, b in pairs)


@pytest.mark.parametrize("ratio", [2, 4, 8, 32])
@pytest.mark.parametrize("side_by_side", [1, 3])
def test_the_memory_is_that_of_the_algorithm_written_out(
    language_model: LanguageModel, ratio: int, side_by_side: int
) -> None:
    tokens = random_tokens(5 * WINDOW, seed=1)
    reader, oracle = reader_of(language_model, ratio, side_by_side), Oracle(language_model.model, WINDOW, ratio)
    reader.read(tokens)
    oracle.read(tokens)
    assert reader.memory.length == 5 * WINDOW // ratio
    assert difference(reader.unrotated(reader.memory.prefix(), 0), oracle.memory) < 1e-4


@pytest.mark.parametrize("pieces", [[1] * 150, [50, 100], [63, 1, 64, 22], [7, 140, 3], [150]])
def test_pieces_do_not_matter(language_model: LanguageModel, pieces: list[int]) -> None:
    tokens = random_tokens(150, seed=2)
    oracle = Oracle(language_model.model, WINDOW, 4)
    oracle.read(tokens[:128])
    expected = oracle.window_pass(tokens[128:])[-1]
    reader, done = reader_of(language_model), 0
    for piece in pieces:
        logits = reader.read(tokens[done : done + piece])
        done += piece
    assert (logits[-1] - expected).abs().max() < 1e-4
    assert difference(reader.unrotated(reader.memory.prefix(), 0), oracle.memory) < 1e-4
    assert [at for at, flag in enumerate(reader.window.flags) if flag] == [4, 9, 14, 19, 24]


def test_a_question_after_the_memory_is_ordinary_decoding(language_model: LanguageModel) -> None:
    """No beacons after the last full window: logits of the tail, the question and each token after it."""
    tokens, question = random_tokens(150, seed=3), random_tokens(11, seed=4)
    oracle = Oracle(language_model.model, WINDOW, 4)
    oracle.read(tokens[:128])
    expected = oracle.window_pass([*tokens[128:], *question, 70, 71], beacons=False)
    reader = reader_of(language_model)
    reader.read(tokens[:128])
    session = open_session(language_model.model, [reader.prefix()] * 2, 33, 2)
    for row in range(2):
        logits = session.prefill(row, [*tokens[128:], *question])
        assert (logits - expected[32]).abs().max() < 1e-4
    for at, token in ((33, 70), (34, 71)):
        assert (session.step([token, token]) - expected[at]).abs().max() < 1e-4


def test_beacons_of_the_first_layer_are_all_alike(language_model: LanguageModel) -> None:
    reader = reader_of(language_model)
    reader.read(random_tokens(2 * WINDOW, seed=5))
    keys, values = reader.unrotated(reader.memory.prefix(), 0).layers[0]
    for tensor in (keys, values):
        assert (tensor - tensor[:, :1]).abs().max() < 1e-5


def test_a_fork_leaves_the_reader_as_it_was(language_model: LanguageModel) -> None:
    reader = reader_of(language_model)
    reader.read(random_tokens(100, seed=6))
    before = [(keys.clone(), values.clone()) for keys, values in reader.prefix().layers]
    one, other = reader.fork(), reader.fork()
    first = one.read(random_tokens(90, seed=7))
    assert torch.equal(other.read(random_tokens(90, seed=7)), first)
    assert difference(reader.prefix(), before) == 0


def memory_of(model: LanguageModel, prompts: Prompts, *texts: str, **settings: Any) -> Any:
    chosen = MemorySettings(**{"retrieval_chunk_size": 128, **settings})
    documents = [Document(f"{number}.txt", text) for number, text in enumerate(texts)]
    return build(BeaconMemoryModel(model), documents, prompts, chosen)


@pytest.mark.parametrize("ratio", [2, 4, 8, 16, 32])
def test_a_memory_holds_one_beacon_for_so_many_tokens(
    language_model: LanguageModel, prompts: Prompts, ratio: int
) -> None:
    memory = memory_of(language_model, prompts, TEXT, beacon_ratio=ratio)
    (shard,) = memory.shards
    windows, tail = divmod(len(shard.token_ids), WINDOW)
    assert windows > 20
    assert shard.kv.length == windows * WINDOW // ratio + tail
    reader = reader_of(language_model, ratio)
    reader.read(shard.token_ids[: windows * WINDOW])
    full = open_session(language_model.model, [None], windows * WINDOW)
    full.prefill(0, shard.token_ids[: windows * WINDOW])
    assert reader.prefix().nbytes * ratio == full.prefix().nbytes
    assert memory.settings.kind == "beacon"


@pytest.mark.parametrize("storage", ["exact", "int8"])
@pytest.mark.parametrize("change", ["append", "replace", "remove"])
def test_a_changed_memory_is_the_one_made_from_scratch(
    language_model: LanguageModel, prompts: Prompts, change: str, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memorag_graph.beacon.memory_kind._TOKENS_PER_PASS", {"cpu": 3 * WINDOW})
    model = BeaconMemoryModel(language_model)
    before = memory_of(language_model, prompts, TEXT[:1500], TEXT[1500:2100], kv_storage=storage)
    new = Document("new.txt", TEXT[2100:2900])
    listed = {
        "append": lambda: appended(before, [new]),
        "replace": lambda: replaced(before, "1.txt", new),
        "remove": lambda: removed(before, "1.txt"),
    }[change]()
    read: list[int] = []
    original = BeaconCompressor.read
    monkeypatch.setattr(BeaconCompressor, "read", lambda self, it: read.append(len(it)) or original(self, it))
    after = rebuild(model, before, listed)
    again = sum(read)
    texts = {"append": [TEXT[:1500], TEXT[1500:2100], TEXT[2100:2900]], "replace": [TEXT[:1500], TEXT[2100:2900]],
             "remove": [TEXT[:1500]]}[change]  # fmt: skip
    scratch = memory_of(language_model, prompts, *texts, kv_storage=storage)
    assert difference(after.shards[0].kv, scratch.shards[0].kv.layers) == 0
    if storage == "exact":
        assert again < len(after.shards[0].token_ids) - 1000  # what was compressed before was not read again


def test_the_graph_answers_from_a_saved_memory_in_a_new_process(checkpoint: Path, tmp_path: Path) -> None:
    options = RunOptions(
        model=str(checkpoint), embedding_model="hash", generator="extractive", dtype="float32", max_new_tokens=16,
        retrieval_chunk_size=128, beacon_ratio=8,
    )  # fmt: skip
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    given = {"context": TEXT, "query": "Who was proud?", "task_type": "qa", "save_dir": str(tmp_path / "memory")}
    first = build_graph(registry).invoke(given, context=options)  # type: ignore[call-overload]
    assert first["memory"]["memory_tokens"] < first["memory"]["context_tokens"] // 4
    code = (
        "import json, sys\n"
        "from memorag_graph.graph import build_graph\n"
        "from memorag_graph.registry import Registry\n"
        "from memorag_graph.settings import RunOptions\n"
        "from tests.conftest import HashEmbeddings\n"
        "registry = Registry()\n"
        "registry.add_embeddings('hash', HashEmbeddings())\n"
        "given = {'memory_id': sys.argv[1], 'query': 'Who was proud?', 'task_type': 'qa'}\n"
        "result = build_graph(registry).invoke(given, context=RunOptions(max_new_tokens=16))\n"
        "print(json.dumps([result['answer'], result['memory']]))\n"
    )
    again = run_warm(["-c", code, str(tmp_path / "memory")])
    assert json.loads(again.stdout.splitlines()[-1]) == [first["answer"], first["memory"]]
    whole = build_graph(registry).invoke({**given, "task_type": "memorag"}, context=options)  # type: ignore[call-overload]
    assert whole["memory_id"] == first["memory_id"]
    assert whole["citations"]


def test_an_open_or_saved_memory_of_another_ratio_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    pipe = MemoRAG(str(checkpoint), "hash", beacon_ratio=4, registry=_hashing(), dtype="float32")
    pipe.memorize(TEXT, save_dir=tmp_path / "memory")
    other = MemoRAG(str(checkpoint), "hash", beacon_ratio=8, registry=_hashing(), dtype="float32")
    with pytest.raises(MemoryMismatchError, match="made with beacon_ratio 4, not 8"):
        other.load(tmp_path / "memory")
    with pytest.raises(MemoryMismatchError, match="made with beacon_ratio 4, not 2"):
        _hashing().open(str(tmp_path / "memory"), RunOptions(beacon_ratio=2))
    MemoRAG(str(checkpoint), "hash", registry=_hashing(), dtype="float32").load(tmp_path / "memory")


def _hashing() -> Registry:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    return registry


def test_a_memory_of_another_window_is_refused(tmp_path: Path) -> None:
    one, other = make_checkpoint(tmp_path / "memorag-a"), make_checkpoint(tmp_path / "memorag-b")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "beacon_window": 32, "beacon_stride": 32}))
    options = RunOptions(model=str(one), embedding_model="hash", dtype="float32")
    memory = _hashing().memorize([Document("a", TEXT)], options).memory
    with pytest.raises(MemoryMismatchError, match="model: "):
        _hashing().open(memory.id, RunOptions(model=str(other)))


@pytest.mark.parametrize("left_out", ["beacon_embed_tokens", "layers.1.self_attn.beacon_k_proj.bias", "beacon"])
def test_a_checkpoint_without_some_of_its_beacons_is_an_error(tmp_path: Path, left_out: str) -> None:
    place = make_checkpoint(tmp_path / "memorag-tiny")
    tensors = load_file(place / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if left_out not in name}
    save_file(kept, place / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"{len(tensors) - len(kept)} of its 13 beacon tensors are missing"):
        load_language_model(ModelSource(str(place)))


def test_a_name_that_promises_beacons_must_keep_its_word(tmp_path: Path) -> None:
    place = tmp_path / "memorag-plain"
    Qwen2ForCausalLM(Qwen2Config(**SIZES)).save_pretrained(place)
    byte_tokenizer().save_pretrained(place)
    with pytest.raises(ModelError, match="its config has no beacon_window; if it is not, rename its directory"):
        load_language_model(ModelSource(str(place)))
    elsewhere = place.rename(tmp_path / "plain")
    assert load_language_model(ModelSource(str(elsewhere))).beacons is None


def test_a_checkpoint_in_shards_and_in_four_bits_is_loaded(tmp_path: Path, prompts: Prompts) -> None:
    place = make_checkpoint(tmp_path / "memorag-tiny", hidden_size=64, intermediate_size=128)
    model = load_beacon_model(str(place), read_config(str(place)), dtype=torch.float32)
    model.save_pretrained(tmp_path / "sharded", max_shard_size="100KB")
    byte_tokenizer().save_pretrained(tmp_path / "sharded")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 1
    whole = load_language_model(ModelSource(str(place), dtype="float32", device="cpu"))
    sharded = load_language_model(ModelSource(str(tmp_path / "sharded"), dtype="float32", device="cpu"))
    assert sharded.fingerprint == whole.fingerprint
    quantized = load_language_model(ModelSource(str(place), dtype="bfloat16", device="cpu", load_in_4bit=True))
    assert quantized.model.model.layers[0].self_attn.beacon_q_proj.weight.dtype == torch.uint8
    memory = memory_of(quantized, prompts, TEXT[:900])
    assert memory.identity.quantization == "nf4"
    tokens = random_tokens(WINDOW, seed=13)
    read = [reader_of(model) for model in (whole, quantized)]
    for reader in read:
        reader.read(tokens)
    for (key, value), (other_key, other_value) in zip(
        read[0].prefix().layers, read[1].prefix().layers, strict=True
    ):  # with the ordinary projections it would differ by more than its own size
        assert (key - other_key).norm() < 0.4 * key.norm()
        assert (value - other_value).norm() < 0.4 * value.norm()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beacon_pos": "around"}, "beacon_pos 'around' is not supported; supported values: interleave, append"),
        ({"beacon_attn": "segmentation"}, "beacon_attn 'segmentation' is not supported"),
        ({"beacon_attn": "step-expansion"}, "supported only with beacon_pos 'append'"),
        ({"beacon_param": ["q", "up"]}, "beacon_param 'up' is not supported"),
        ({"beacon_param": 5}, "beacon_param must be a list"),
        ({"beacon_param": ["q", "k"]}, "4 beacon tensors that its config does not name"),
        ({"beacon_window": "64"}, "must be whole numbers"),
        ({"beacon_stride": 32}, "beacon_stride 32 is not beacon_window 64"),
        ({"beacon_window": 0, "beacon_stride": 0}, "impossible"),
        ({"beacon_sink_size": 65}, "impossible"),
        ({"beacon_ratio": []}, "beacon_ratio is empty"),
        ({"beacon_ratio": ["four"]}, "must be whole numbers"),
    ],
)
def test_configs_that_cannot_be_used(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    place = make_checkpoint(tmp_path / "memorag-tiny")
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, **fields}))
    with pytest.raises(ModelError, match=message):
        load_language_model(ModelSource(str(place)))


def test_beacons_that_no_config_names_are_an_error(tmp_path: Path) -> None:
    place = make_checkpoint(tmp_path / "tiny")
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({k: it for k, it in config.items() if k != "beacon_window"}))
    with pytest.raises(ModelError, match="13 beacon tensors that its config does not name"):
        load_language_model(ModelSource(str(place)))


def test_sliding_windows_of_a_config_are_not_applied(tmp_path: Path) -> None:
    fields = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}
    sliding = load_language_model(
        ModelSource(str(make_checkpoint(tmp_path / "memorag-a", **fields)), device="cpu", dtype="float32")
    )
    oracle = Oracle(sliding.model, WINDOW, 4)
    tokens = random_tokens(2 * WINDOW, seed=14)
    oracle.read(tokens)
    reader = reader_of(sliding)
    reader.read(tokens)
    assert difference(reader.unrotated(reader.prefix(), 0), oracle.memory) < 1e-4


def test_a_reader_needs_the_attention_of_memories(checkpoint: Path) -> None:
    config = read_config(str(checkpoint))
    model = load_beacon_model(str(checkpoint), config, dtype=torch.float32)
    beacons = BeaconConfig.of(config)
    assert beacons is not None
    with pytest.raises(ValueError, match="set_attn_implementation"):
        BeaconCompressor(model, beacons)


@pytest.mark.parametrize(
    ("mix", "expected"),
    [("sequence", [2, 4, 8, 2]), ("adapt-64", [4, 4, 4, 4]), ("step-random", None), ("instance-random", None)],
)
def test_ratios_are_chosen_as_the_config_says(mix: str, expected: list[int] | None) -> None:
    config = BeaconConfig(WINDOW, ratios=(2, 3, 4, 8), mix=mix)
    ratios = Ratios(config, 128)
    generator = np.random.default_rng(42)
    if mix == "step-random":
        expected = [int(generator.choice((2, 4, 8))) for _ in range(4)]
    if mix == "instance-random":
        expected = [int(generator.choice((2, 4, 8)))] * 4
    first = [ratios.next(200), ratios.next(200)]
    other = ratios.fork()
    assert [*first, ratios.next(200), ratios.next(200)] == expected
    if mix == "sequence":
        assert other.next(200) == 8
    with pytest.raises(ValueError, match="beacon_ratio_mix 'by-mood' is not supported"):
        Ratios(replace(config, mix="by-mood"), 128)


def test_ratios_that_cannot_be_used(language_model: LanguageModel, prompts: Prompts) -> None:
    for ratio in (3, 5, 128):
        with pytest.raises(InputError, match=f"beacon_ratio: a ratio of {ratio} does not divide the window of 64 tok"):
            memory_of(language_model, prompts, TEXT, beacon_ratio=ratio)
    with pytest.raises(InputError, match="kv_keep: must be 1 for a beacon memory"):
        memory_of(language_model, prompts, TEXT, kv_keep=0.5)
    with pytest.raises(ValueError, match="does not divide"):
        reader_of(language_model, 7)
    for ratio in (0, -1, 2000, "some", True, 2.5):
        with pytest.raises(InputError, match="beacon_ratio: must be a whole number from 1 to 1024, or 'auto'"):
            run_options({"beacon_ratio": ratio})
    assert [run_options({"beacon_ratio": it}).beacon_ratio for it in ("8", 8, "auto", None)] == [8, 8, "auto", None]


def test_beacons_need_a_model_with_beacons(registry: Registry) -> None:
    options = RunOptions(model="tiny-llama", embedding_model="hash", kind="beacon")
    with pytest.raises(InputError, match="kind: beacon needs a model with beacons"):
        registry.memorize([Document("a", TEXT)], options)


def test_texts_beyond_reach_are_refused_with_the_ratio_that_reaches(tmp_path: Path, prompts: Prompts) -> None:
    place = make_checkpoint(tmp_path / "memorag-tiny", max_position_embeddings=512)
    model = load_language_model(ModelSource(str(place), device="cpu", dtype="float32"))
    with pytest.raises(InputError, match=r"documents: the text has 2,\d+ tokens; .*; use beacon_ratio 8"):
        memory_of(model, prompts, TEXT[:2500], beacon_ratio=2)
    chosen = memory_of(model, prompts, TEXT[:2500], beacon_ratio="auto")
    assert chosen.shards[0].kv.length == pytest.approx(len(chosen.shards[0].token_ids) / 8, abs=WINDOW)
    with pytest.raises(InputError, match="give a shorter text"):
        memory_of(model, prompts, TEXT * 20, beacon_ratio="auto")


@pytest.mark.parametrize("placement", ["interleave", "append"])
@pytest.mark.parametrize("sink", [0, 1, 3])
@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_what_is_reached_is_what_can_be_read(
    language_model: LanguageModel, placement: Any, sink: int, ratio: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model.model.config, "max_position_embeddings", 320)
    beacons = BeaconConfig(WINDOW, placement=placement, sink=sink, ratios=(ratio,))
    most, room = longest(beacons, ratio, 320), turn_room(320)
    needed = [positions_needed(beacons, ratio, 320, tokens) for tokens in range(most + 2)]
    assert needed == sorted(needed)
    assert needed[most] <= 320 < needed[most + 1]
    reader = BeaconCompressor(language_model.model, beacons)
    tokens = random_tokens(most, seed=11)
    reader.read(tokens[: most // WINDOW * WINDOW])
    assert reader.prefix().length + most % WINDOW + room <= 320
    assert chosen_ratio(beacons, "auto", 320, most) == ratio  # the one that the model was trained with
    untrained = replace(beacons, ratios=(0,))
    least = min(it for it in (2, 4, 8, 16, 32) if most <= longest(beacons, it, 320))
    assert chosen_ratio(untrained, "auto", 320, most) == least
    with pytest.raises(ValueError, match="the model's 320 positions"):
        reader.read(random_tokens(20 * WINDOW, seed=12))


def golden_folder(place: Path) -> Path:
    """Write golden vectors by the oracle: two windows, a question of nine tokens, eight greedy ones after it."""
    checkpoint = make_checkpoint(place / "qwen2")
    model = load_beacon_model(str(checkpoint), read_config(str(checkpoint)), dtype=torch.float32)
    tokens, question = random_tokens(2 * WINDOW, seed=8), random_tokens(9, seed=9)
    oracle = Oracle(model, WINDOW, 4)
    oracle.read(tokens[:WINDOW])
    context = oracle.window_pass(tokens[WINDOW:])[-1:]
    read, greedy = list(question), []
    asked = oracle.window_pass(read)
    steps = [asked[-1]]
    for _ in range(8):
        greedy.append(int(steps[-1].argmax()))
        read.append(greedy[-1])
        steps.append(oracle.window_pass(read)[-1])
    tensors = {
        "input_ids": torch.tensor([tokens]),
        "context_last_logits": context,
        **{f"beacon.k{layer}": keys[None] for layer, (keys, _) in enumerate(oracle.memory)},
        **{f"beacon.v{layer}": values[None] for layer, (_, values) in enumerate(oracle.memory)},
        "q0.input_ids": torch.tensor([question]),
        "q0.logits_last_step": asked[None],
        "q0.step_logits": torch.stack(steps)[None],
    }
    save_file({f"made.{name}": it.contiguous() for name, it in tensors.items()}, checkpoint / "cases.safetensors")
    case = {
        "name": "made", "overrides": {"beacon_ratio": [4]}, "plain_from": None, "feeds": [70, 58],
        "q0_greedy": greedy, "q0_min_top1_margin": 1.0,
    }  # fmt: skip
    (place / "index.json").write_text(json.dumps({"archs": {"qwen2": {"cases": [case]}}}))
    return place


def test_golden_vectors_are_checked_and_mistakes_found(tmp_path: Path) -> None:
    place = golden_folder(tmp_path)
    (outcome,) = check_folder(place)
    assert outcome.passed
    assert 0 < outcome.kv < 1e-4
    assert 0 < outcome.logits < 1e-4
    tensors = load_file(place / "qwen2" / "cases.safetensors")
    for name, by in (("beacon.k1", 2e-4), ("q0.step_logits", 2e-4), ("beacon.v0", float("nan"))):
        changed = {key: it + by if key == f"made.{name}" else it for key, it in tensors.items()}
        save_file(changed, place / "qwen2" / "cases.safetensors")
        (outcome,) = check_folder(place)
        assert not outcome.passed
    save_file(
        {**tensors, "made.beacon.k0": tensors["made.beacon.k0"][:, :, 1:].contiguous()},
        place / "qwen2" / "cases.safetensors",
    )
    (outcome,) = check_folder(place)
    assert "32 entries, not 31" in str(outcome)
