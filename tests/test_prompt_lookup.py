"""Prompt lookup changes no answer, and takes fewer steps if the answer copies earlier text."""

from collections.abc import Callable

import pytest
import torch

from memorag_graph.inference.chosen_paths import fast_paths_of
from memorag_graph.inference.decode_session import SharedPrefixSession, open_session
from memorag_graph.models import running_batch
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.prompt_lookup import PromptLookup
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from tests.conftest import prefill, tiny_model
from tests.test_decode_session import assert_close, one_go, random_tokens
from tests.test_gist_batch import FILLED

REMEMBERED = random_tokens(80, seed=2)


def test_the_tokens_after_the_longest_run_that_occurred_before_are_guessed() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 9, 2, 3, 5, 6])
    assert lookup.guess(3) == []
    lookup.extend([3])
    assert lookup.guess(3) == [5, 6, 3], "the latest occurrence of a run counts"
    lookup.extend([4])
    assert lookup.guess(2) == [9, 2]
    lookup = PromptLookup([1, 2, 3, 7, 2, 3, 8, 1])
    lookup.extend([2, 3])
    assert lookup.guess(9) == [7, 2, 3, 8, 1, 2, 3], "a longer run counts more than a later one"
    assert PromptLookup([]).guess(4) == []
    assert PromptLookup([5]).guess(4) == []


def brute_force(tokens: list[int], count: int) -> list[int]:
    for length in range(min(3, len(tokens)), 0, -1):
        for end in range(len(tokens) - 1, length - 1, -1):
            if tokens[end - length : end] == tokens[-length:]:
                return tokens[end : end + count]
    return []


def test_guesses_equal_those_of_an_exhaustive_search() -> None:
    tokens = torch.randint(0, 4, (300,), generator=torch.Generator().manual_seed(1)).tolist()
    lookup = PromptLookup([])
    for end, token in enumerate(tokens, start=1):
        lookup.extend([token])
        assert lookup.guess(5) == brute_force(tokens[:end], 5)


@pytest.mark.parametrize("remembering", [True, False])
def test_several_tokens_at_once_give_the_logits_of_one_pass(language_model: LanguageModel, remembering: bool) -> None:
    prefix = prefill(language_model, REMEMBERED) if remembering else None
    before = REMEMBERED if remembering else []
    prompts = [random_tokens(length, seed=length) for length in (20, 3)]
    session = open_session(language_model.model, [prefix, prefix], 20, 20)
    for row, prompt in enumerate(prompts):
        session.prefill(row, prompt)
    for kept in (4, 1, 2):  # tokens that are taken back leave no trace
        read = [random_tokens(4, seed=30 + row + kept) for row in range(2)]
        logits = session.step_ahead(read)
        for row in range(2):
            for at in range(4):
                whole = [*before, *prompts[row], *read[row][: at + 1]]
                assert_close(logits[row, at], one_go(language_model, whole)[-1])
            session.take_back(row, 4 - kept)
            prompts[row] += read[row][:kept]


Case = tuple[Sampling, Callable[[str], bool] | None]
CASES: dict[str, Case] = {
    "greedy": (Sampling(60), None),
    "sampled": (Sampling(60, temperature=1.1, top_p=0.9, seed=7), None),
    "no run twice": (Sampling(60, no_repeat=4), None),
    "one token": (Sampling(1), None),
    "two tokens": (Sampling(2), None),
    "ended by its text": (Sampling(60), lambda piece: "e" in piece),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rows", [1, 3, 9])
def test_answers_equal_those_without_guesses(case: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama", seed=4, **FILLED)
    prefix = prefill(model, REMEMBERED)
    sampling, complete = CASES[case]
    prompts = [REMEMBERED[start : start + 12] for start in range(0, 6 * rows, 6)]  # the next tokens occurred before

    def written() -> list[tuple[list[int], bool]]:
        requests = [Request(prompt, prefix, sampling, complete, REMEMBERED) for prompt in prompts]
        Scheduler(model).submit(*requests)
        for request in requests:
            assert list(request) == request.tokens
        return [(request.tokens, request.stopped) for request in requests]

    guessed = written()
    monkeypatch.setattr(running_batch, "MOST_GUESSED", 0)
    assert guessed == written()


def test_a_text_that_copies_takes_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [0]
    real = SharedPrefixSession.step_ahead
    monkeypatch.setattr(
        SharedPrefixSession,
        "step_ahead",
        lambda self, tokens: (steps.__setitem__(0, steps[0] + 1), real(self, tokens))[1],
    )
    model = tiny_model("llama", seed=4, **FILLED)
    steps[0] = 0
    request = Request(random_tokens(12, seed=1), None, Sampling(100))
    Scheduler(model).submit(request)
    tokens = list(request)
    assert len(tokens) == 100
    if fast_paths_of(model.model).prompt_lookup:
        assert steps[0] < 60, "a greedy model with random weights loops, and guesses follow the loop"
    else:
        assert steps[0] == 99, "one step for each token after the first"


def test_a_model_whose_cache_cannot_be_cut_decodes_token_by_token() -> None:
    model = tiny_model("llama", seed=4)
    written = []
    for stock in (False, True):
        if stock:
            model.model.set_attn_implementation("sdpa")
        request = Request(random_tokens(12, seed=1), None, Sampling(30))
        Scheduler(model).submit(request)
        written.append(list(request))
    assert written[0] == written[1]


def test_answers_with_guesses_keep_their_maximum_length() -> None:
    model = tiny_model("llama", seed=4)
    requests = [Request([5, 6, 5, 6, 5], None, Sampling(length)) for length in (1, 2, 3, 64)]
    Scheduler(model).submit(*requests)
    assert [len(list(request)) for request in requests] == [1, 2, 3, 64]


def test_guesses_beside_a_row_at_the_end_of_its_buffer_stay_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row reads as many tokens as the longest guess, even if only one more token fits its answer."""
    model = tiny_model("llama", seed=4, **FILLED)
    if not fast_paths_of(model.model).prompt_lookup:
        pytest.skip("nothing is guessed without the fast path")
    monkeypatch.setattr(model, "stop_tokens", frozenset())
    monkeypatch.setattr(PromptLookup, "guess", lambda self, count: [7] * count)
    ends: list[tuple[int, int]] = []
    real = SharedPrefixSession.step_ahead

    def observed(self: SharedPrefixSession, tokens: list[list[int]]) -> torch.Tensor:
        ends.append((max(self._lengths) + len(tokens[0]), self._columns))
        return real(self, tokens)

    monkeypatch.setattr(SharedPrefixSession, "step_ahead", observed)
    full = Request(random_tokens(40, seed=1), None, Sampling(24))  # 64 tokens: a whole buffer without guesses
    longer = Request([5, 6], None, Sampling(60))
    Scheduler(model).submit(full, longer)
    assert [len(list(request)) for request in (full, longer)] == [24, 60]
    assert any(end > 64 for end, _ in ends), "nothing was guessed beside the full row"
    assert all(end <= columns for end, columns in ends)
