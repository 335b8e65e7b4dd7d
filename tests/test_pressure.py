"""What does not fit is refused before it is tried; batches that do not fit become smaller and their work completes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from safetensors.torch import save_file

from memorag_graph import control_groups, ram
from memorag_graph.documents import Document
from memorag_graph.errors import NoRoomError
from memorag_graph.inference.decode_session import SharedPrefixSession
from memorag_graph.memory import room
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.models import gist_batch
from memorag_graph.models.compute_threads import ThreadedEmbeddings
from memorag_graph.models.gist_batch import GistBatch
from memorag_graph.models.loading import ModelSource, load_language_model
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from tests.conftest import TEXT, TINY, HashEmbeddings, prefill, tiny_model
from tests.warm_process import run_warm

ROOT = Path(__file__).parent.parent
PROMPTS = [list(range(5 + number, 20 + 3 * number)) for number in range(8)]

Fail = Callable[[int], None]

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
]


@pytest.fixture(params=ERRORS, ids=["cuda", "cpu"])
def only_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Let the memory of the device be full whenever more than a number of rows are read at once."""

    def limit(rows: int) -> None:
        for name in ("step", "step_ahead"):
            real = getattr(SharedPrefixSession, name)

            def tried(self: SharedPrefixSession, tokens: list[Any], real: Any = real) -> Any:
                if len(tokens) > rows:
                    raise request.param
                return real(self, tokens)

            monkeypatch.setattr(SharedPrefixSession, name, tried)

    return limit


def answers(scheduler: Scheduler, *requests: Request) -> list[list[int]]:
    scheduler.submit(*requests)
    return [[*request] for request in requests]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("remembers", [False, True])
def test_requests_that_do_not_fit_side_by_side_get_the_answers_they_get_alone(
    only_rows: Fail, rows: int, remembers: bool
) -> None:
    model = tiny_model("llama")
    prefix = prefill(model, list(range(30, 90))) if remembers else None
    scheduler = Scheduler(model)
    expected = [answers(scheduler, Request(prompt, prefix, Sampling(30)))[0] for prompt in PROMPTS]
    only_rows(rows)
    assert answers(scheduler, *(Request(prompt, prefix, Sampling(30)) for prompt in PROMPTS)) == expected


def test_sampled_answers_continue_where_their_row_was_put_aside(only_rows: Fail) -> None:
    scheduler = Scheduler(tiny_model("llama"))

    def requests() -> list[Request]:
        return [Request(prompt, None, Sampling(30, temperature=0.9, seed=3)) for prompt in PROMPTS]

    expected = [answers(scheduler, request)[0] for request in requests()]
    only_rows(3)
    assert answers(scheduler, *requests()) == expected


def test_a_request_that_does_not_fit_alone_is_refused_with_sizes_and_the_next_is_answered(
    only_rows: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(tiny_model("llama"))
    expected = answers(scheduler, Request(PROMPTS[0], None, Sampling(9)))
    with monkeypatch.context():
        only_rows(0)
        with pytest.raises(NoRoomError, match=r"need .* KB for .* but .* GB of the device's memory are free"):
            answers(scheduler, Request(PROMPTS[1], None, Sampling(9)))
    monkeypatch.undo()
    assert answers(scheduler, Request(PROMPTS[0], None, Sampling(9))) == expected


def test_a_prompt_that_does_not_fit_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(tiny_model("llama"))
    expected = [answers(scheduler, Request(prompt, None, Sampling(30)))[0] for prompt in PROMPTS]
    real = SharedPrefixSession.prefill

    def tried(self: SharedPrefixSession, row: int, tokens: list[int], *probe: Any) -> Any:
        if len(tokens) > 500:
            raise ERRORS[0]
        return real(self, row, tokens, *probe)

    monkeypatch.setattr(SharedPrefixSession, "prefill", tried)
    huge = Request(list(range(5, 205)) * 3, None, Sampling(30))
    others = [Request(prompt, None, Sampling(30)) for prompt in PROMPTS]
    scheduler.submit(*others[:3], huge, *others[3:])
    assert [[*request] for request in others] == expected
    with pytest.raises(NoRoomError, match="the prompt and its answer need"):
        list(huge)


def test_an_error_of_the_system_reaches_one_request_and_the_others_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler = Scheduler(tiny_model("llama"))
    expected = [answers(scheduler, Request(prompt, None, Sampling(9)))[0] for prompt in PROMPTS]
    fails = [True]

    def broken(_: object) -> int:
        if fails.pop() if fails else False:
            raise OSError(24, "Too many open files")
        return 2**34

    monkeypatch.setattr("memorag_graph.models.scheduler.free_memory", broken)
    requests = [Request(prompt, None, Sampling(9)) for prompt in PROMPTS]
    scheduler.submit(*requests)
    with pytest.raises(OSError, match="Too many open files"):
        list(requests[0])
    assert [[*request] for request in requests[1:]] == expected[1:]


def test_gists_that_do_not_fit_side_by_side_are_the_same(only_rows: Fail) -> None:
    model = tiny_model("llama")

    def written() -> dict[int, list[int]]:
        batch: GistBatch[int] = GistBatch(Scheduler(model), model, 60, Sampling(24), lambda _: None)
        return dict(batch.write(enumerate(PROMPTS), len(PROMPTS)))

    expected = written()
    only_rows(3)
    assert written() == expected
    only_rows(0)
    with pytest.raises(NoRoomError, match="a summary needs"):
        written()


@pytest.mark.parametrize("most", [3, 0])
def test_buffers_that_do_not_fit_become_narrower(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    model = tiny_model("llama")

    def written() -> dict[int, list[int]]:
        batch: GistBatch[int] = GistBatch(Scheduler(model), model, 60, Sampling(24), lambda _: None)
        return dict(batch.write(enumerate(PROMPTS), len(PROMPTS)))

    expected = written()
    real = gist_batch.open_session

    def tried(model: Any, prefixes: list[None], columns: int) -> Any:
        if len(prefixes) > most:
            raise ERRORS[1]
        return real(model, prefixes, columns)

    monkeypatch.setattr(gist_batch, "open_session", tried)
    if most:
        assert written() == expected
    else:
        with pytest.raises(NoRoomError, match="a summary needs"):
            written()


def test_texts_that_do_not_fit_at_once_are_embedded_in_parts() -> None:
    sizes: list[int] = []

    class Small(HashEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            sizes.append(len(texts))
            if len(texts) > 3:
                raise ERRORS[1]
            return super().embed_documents(texts)

    texts = TEXT.split(". ")[:16]
    assert ThreadedEmbeddings(Small(), torch.device("cpu")).embed_documents(texts) == HashEmbeddings().embed_documents(
        texts
    )
    assert sizes[0] == 16


def test_other_errors_are_not_taken_for_a_full_memory() -> None:
    class Broken(HashEmbeddings):
        calls = 0

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            self.calls += 1
            raise RuntimeError("shapes do not match")

    broken = Broken()
    with pytest.raises(RuntimeError, match="shapes"):
        ThreadedEmbeddings(broken, torch.device("cpu")).embed_documents(["a", "b"])
    assert broken.calls == 1


def free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr("memorag_graph.models.device.free_ram", lambda: count)


@pytest.mark.parametrize("kind", ["gist", "full"])
@pytest.mark.parametrize("resource_name", ["ram", "disk"])
def test_a_memory_that_does_not_fit_is_refused_before_the_model_reads(
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    resource_name: str,
) -> None:
    options = TINY.model_copy(update={"kind": kind})
    whole = registry.memorize([Document("a", TEXT)], options, tmp_path / "whole").memory
    needed = sum(tensor.nbytes for shard in whole.shards for layer in shard.kv.layers for tensor in layer)
    registry.forget(whole.id)
    reads: list[int] = []
    real = SharedPrefixSession.prefill
    monkeypatch.setattr(
        SharedPrefixSession, "prefill", lambda self, row, tokens: (reads.append(row), real(self, row, tokens))[1]
    )

    def limit(count: int) -> None:
        if resource_name == "ram":
            free(monkeypatch, count)
        else:
            monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=count))

    limit(needed // 2)
    with pytest.raises(NoRoomError, match=r"need [\d.,]+ [KM]B.*, but [\d.,]+ [KM]B .*free"):
        registry.memorize([Document("a", TEXT)], options, tmp_path / "other")
    assert not reads
    assert not (tmp_path / "other" / "manifest.json").exists()
    limit(2 * needed)
    assert registry.memorize([Document("a", TEXT)], options, tmp_path / "other").memory.id == whole.id


def test_a_quantized_memory_that_does_not_fit_is_not_opened(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TINY.model_copy(update={"kv_storage": "int8"})
    memory = registry.memorize([Document("a", TEXT)], options, tmp_path / "m").memory
    registry.forget(memory.id)
    free(monkeypatch, memory.nbytes // 2)
    with pytest.raises(NoRoomError, match=f"memory {memory.id} need"):
        registry.open(tmp_path / "m", options)
    free(monkeypatch, 3 * memory.nbytes)
    assert registry.open(tmp_path / "m", options).memory.id == memory.id


@pytest.mark.parametrize("work", ["open", "memorize"])
def test_open_memories_give_way(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str) -> None:
    options = TINY.model_copy(update={"kv_storage": "int8"})
    memory = registry.memorize([Document("a", TEXT)], options, tmp_path / "m").memory
    registry.forget(memory.id)
    for number in range(2):
        registry.memorize([Document("a", f"{number}. {TEXT}")], options, tmp_path / f"{number}")
    kept = registry.open_memories._cache._kept
    assert len(kept) == 2
    monkeypatch.setattr("memorag_graph.models.device.free_ram", lambda: 0 if kept else 3 * memory.nbytes)
    if work == "open":
        assert registry.open(tmp_path / "m", options).memory.id == memory.id
    else:
        registry.memorize([Document("a", f"new. {TEXT}")], options, tmp_path / "new")
    assert len(kept) == 1


def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama", fast_paths="off")  # packed weights are no parameters
    model.model.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    values = sum(parameter.numel() for parameter in model.model.parameters())
    free(monkeypatch, 4 * values - 1)
    with pytest.raises(NoRoomError, match=r"the weights of .* need .* KB, but .* KB"):
        load_language_model(ModelSource(str(tmp_path), dtype="float32"))
    free(monkeypatch, 4 * values)
    assert load_language_model(ModelSource(str(tmp_path), dtype="float32"))


def test_weights_in_several_files_are_counted_together(tmp_path: Path) -> None:
    from memorag_graph.models.weights import require_room_for_weights

    for name in ("a", "b", "unused"):
        save_file({name: torch.zeros(10, 10)}, tmp_path / f"{name}.safetensors")
    index = {"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    require_room_for_weights(tmp_path, 2, 400)
    save_file({"b": torch.zeros(10, 10, dtype=torch.int8)}, tmp_path / "b.safetensors")
    require_room_for_weights(tmp_path, 2, 300)  # what is quantized keeps its size
    save_file({"b": torch.zeros(10, 10)}, tmp_path / "b.safetensors")
    with pytest.raises(NoRoomError):
        require_room_for_weights(tmp_path, 2, 399)


@pytest.mark.parametrize("limit", ["max", "2147483648"])
def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    group = tmp_path / "user.slice"
    group.mkdir()
    (tmp_path / "own").write_text("0::/user.slice\n")
    (group / "memory.max").write_text(f"{limit}\n")
    (group / "memory.current").write_text(f"{1024**3}\n")
    (group / "memory.stat").write_text(f"anon 5\ninactive_file {1024**2}\nactive_file {1024**2}\n")
    machine = SimpleNamespace(total=64 * 1024**3, available=32 * 1024**3)
    monkeypatch.setattr(ram.psutil, "virtual_memory", lambda: machine)
    monkeypatch.setattr(control_groups, "_ROOT", tmp_path)
    monkeypatch.setattr(control_groups, "_OWN", tmp_path / "own")
    expected = (machine.total, machine.available) if limit == "max" else (2 * 1024**3, 1024**3 + 2 * 1024**2)
    assert (ram.total_ram(), ram.free_ram()) == expected


def test_what_the_shell_allows_counts() -> None:
    code = (
        "import resource; from memorag_graph.ram import free_ram\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); print(free_ram())"
    )
    told = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 0 < told < 2**30


def test_with_little_memory_a_real_process_refuses_with_sizes(tmp_path: Path) -> None:
    """The shell's limit is real: without the check, an allocation would fail somewhere."""
    code = (
        "import resource, sys, psutil\n"
        "from pathlib import Path\n"
        "from memorag_graph.documents import Document\n"
        "from memorag_graph.errors import NoRoomError\n"
        "from tests.conftest import TEXT, TINY\n"
        "from tests.test_pressure import registry_of_wide_model\n"
        "registry = registry_of_wide_model()\n"
        "options = TINY.model_copy(update={'kind': 'full'})\n"
        "registry.memorize([Document('a', TEXT)], options, Path(sys.argv[1]) / 'short')\n"
        "limit = psutil.Process().memory_info().vms + 100 * 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try:\n"
        "    registry.memorize([Document('a', TEXT * 8)], options, Path(sys.argv[1]) / 'long')\n"
        "except NoRoomError as error:\n"
        "    print(error)\n"
    )
    ended = run_warm(["-c", code, str(tmp_path)])
    assert ended.returncode == 0, ended.stderr
    assert "tokens, whose keys and values need" in ended.stdout
    assert not (tmp_path / "long" / "manifest.json").exists()


def registry_of_wide_model() -> Registry:
    """A registry whose memory model keeps 8 KB of keys and values a token."""
    registry = Registry()
    model = tiny_model("llama", num_attention_heads=8, num_key_value_heads=8, head_dim=64)
    registry.add_memory_model("tiny-llama", LocalMemoryModel(model))
    registry.add_embeddings("hash", HashEmbeddings())
    return registry


def test_the_command_line_tells_that_the_memory_is_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from memorag_graph.cli import main

    def full() -> None:
        raise MemoryError

    monkeypatch.setattr(main, "app", full)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert "the machine's memory is full; close other programs" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), NoRoomError("the memory needs 3 GB, but 1 GB are free")])
def test_the_service_tells_that_the_memory_is_full(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Registry, "memorize", full)
    body = {"documents": [{"name": "a", "text": TEXT}]}
    with TestClient(create_app(registry, TINY), raise_server_exceptions=False) as client:
        answer = client.post("/memories", json=body)
    assert answer.status_code == 507
    assert "memory" in answer.json()["error"]["message"]
