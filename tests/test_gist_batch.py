"""Texts generated in a batch equal those generated alone, and no row is read without need."""

import pytest
import torch

from memorag_graph.inference.chosen_paths import fast_paths_of
from memorag_graph.inference.decode_session import SharedPrefixSession, open_session
from memorag_graph.models.gist_batch import GistBatch
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from tests.conftest import tiny_model
from tests.test_decode_session import random_tokens

PROMPTS = {str(length): random_tokens(length, seed=length) for length in (60, 3, 25, 41, 9, 33, 17, 50, 5, 12)}
FILLED = {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 96}
"""Sizes that fill the vector registers."""

SAMPLING = Sampling(max_new_tokens=24, no_repeat=6)


def written(model: LanguageModel, keys: list[str]) -> dict[str, list[int]]:
    batch: GistBatch[str] = GistBatch(Scheduler(model), model, 60, SAMPLING, lambda _: None)
    return dict(batch.write([(key, PROMPTS[key]) for key in keys], len(keys)))


@pytest.fixture
def widths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each step."""
    seen: list[int] = []
    step = SharedPrefixSession.step
    monkeypatch.setattr(
        SharedPrefixSession, "step", lambda self, tokens: (seen.append(len(tokens)), step(self, tokens))[1]
    )
    return seen


def test_every_prompt_is_reported_before_any_text_is_continued() -> None:
    model = tiny_model("llama", seed=18, **FILLED)
    reported: list[int] = []
    batch: GistBatch[str] = GistBatch(Scheduler(model), model, 60, SAMPLING, reported.append)
    keys = list(PROMPTS)[:3]
    list(batch.write([(key, PROMPTS[key]) for key in keys], len(keys)))
    assert reported[:3] == [sum(len(PROMPTS[key]) + 1 for key in keys[: count + 1]) for count in range(3)]


@pytest.mark.parametrize("width", [1, 3, 16])
def test_texts_are_the_same_alone_and_together(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama", seed=18, **FILLED)
    monkeypatch.setattr("memorag_graph.models.gist_batch.MAX_BATCH_WIDTH", {"cpu": width})
    alone = {key: tokens for key in PROMPTS for _, tokens in written(model, [key]).items()}
    assert len({len(tokens) for tokens in alone.values()}) > 1, "none of them ends before the others"
    assert written(model, list(PROMPTS)) == alone


def test_texts_are_the_same_in_batches_of_any_width_if_rows_are_independent(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama", seed=18, **FILLED)
    if not model.rows_are_independent:
        pytest.skip("on this CPU, or without fast paths, the bits of a row depend on the batch's width")
    texts = []
    for width in (1, 3, 16):
        monkeypatch.setattr("memorag_graph.models.gist_batch.MAX_BATCH_WIDTH", {"cpu": width})
        texts.append(written(model, list(PROMPTS)))
    assert texts[0] == texts[1] == texts[2]


def test_empty_rows_are_closed_if_no_prompt_is_left(widths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama", seed=18, **FILLED)
    is_independent = model.rows_are_independent  # the check runs rows of its own
    assert is_independent == fast_paths_of(model.model).llama_forward
    widths.clear()
    monkeypatch.setattr("memorag_graph.models.gist_batch.MAX_BATCH_WIDTH", {"cpu": 4})
    texts = written(model, list(PROMPTS))
    assert max(widths) == 4
    if not is_independent:
        assert set(widths) == {4}
        return
    assert widths[-1] < 4
    read = sum(len(tokens) - (len(tokens) == SAMPLING.max_new_tokens) for tokens in texts.values())
    assert sum(widths) == read, "a row was read after its text was finished"


def test_a_batch_keeps_its_width_if_bits_depend_on_it(widths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama", seed=5)
    assert not model.rows_are_independent
    widths.clear()
    monkeypatch.setattr("memorag_graph.models.gist_batch.MAX_BATCH_WIDTH", {"cpu": 4})
    written(model, list(PROMPTS)[:2])
    assert set(widths) == {4}


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_a_row_without_a_memory_has_the_same_bits_in_any_batch(kind: str) -> None:
    model = tiny_model(kind, **FILLED)
    if not fast_paths_of(model.model).llama_forward:
        pytest.skip("rows have the same bits only with the fast paths; without them a batch keeps its width")
    assert model.rows_are_independent
    prompts = list(PROMPTS.values())

    def steps(rows: list[int], room: int) -> list[list[torch.Tensor]]:
        session = open_session(model.model, [None] * len(rows), 60, room)
        read = [[session.prefill(at, prompts[row])] for at, row in enumerate(rows)]
        for token in random_tokens(5, seed=1):
            for row, logits in zip(read, session.step([token] * len(rows)), strict=True):
                row.append(logits)
        return read

    together = steps(list(range(10)), 200)
    for rows in ([4], [4, 0], [7, 4, 1], [4, 9, 8, 2, 3]):
        for row, read in zip(rows, steps(rows, 6), strict=True):
            assert all(torch.equal(one, other) for one, other in zip(read, together[row], strict=True))
