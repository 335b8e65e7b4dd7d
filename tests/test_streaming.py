"""Streamed text equals the text as a whole, and costs no more per token the longer it grows."""

import random
import re
from collections.abc import Callable, Iterable, Sequence

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessageChunk
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from memorag_graph.memory import answer_end
from memorag_graph.memory.answer_end import AnswerEnd
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.backends.served import served_memory_model
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.detokenizer import Detokenizer
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.thinking import ThinkingFilter, stream_without_thinking, without_thinking
from memorag_graph.text.words import content_words, repeats
from tests.conftest import byte_tokenizer, tiny_model

SAMPLES = [
    "Paris is a city. ",
    "Ünïcödé — ",
    "中文的文本。",
    "😀👩‍👩‍👧🇫🇷",
    "\n\n",
    "  two  spaces",
    "e\u0301",
    "\ufffd",
    " ",
]
Decode = Callable[[Sequence[int]], str]


def texts(seed: int) -> str:
    rng = random.Random(seed)
    return "".join(rng.choice(SAMPLES) for _ in range(rng.randrange(1, 9)))


def byte_level() -> tuple[Decode, Callable[[str], list[int]], int]:
    """Single bytes and control tokens."""
    tokenizer = byte_tokenizer()
    return (lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True))), tokenizer.encode, len(tokenizer)


def merged() -> tuple[Decode, Callable[[str], list[int]], int]:
    """Byte-level BPE, with tokens that begin and end within characters."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=alphabet, special_tokens=["<|end|>"], show_progress=False
    )
    tokenizer.train_from_iterator(SAMPLES * 3, trainer)
    return tokenizer.decode, lambda text: list(tokenizer.encode(text).ids), tokenizer.get_vocab_size()


def sentencepiece() -> tuple[Decode, Callable[[str], list[int]], int]:
    """Llama's kind: a space before each word, but for the first; unknown characters as bytes."""
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"Parisctyo.", "▁▁"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("▁", "▁")], unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer.decode, lambda text: list(tokenizer.encode(text).ids), tokenizer.get_vocab_size()


def detokenized(decode: Decode, tokens: Iterable[int]) -> str:
    detokenizer = Detokenizer(decode)
    return "".join([*map(detokenizer.push, tokens), detokenizer.flush()])


@pytest.mark.parametrize("kind", [byte_level, merged, sentencepiece])
def test_tokens_of_a_text_decode_one_by_one_to_that_text(
    kind: Callable[[], tuple[Decode, Callable[[str], list[int]], int]],
) -> None:
    decode, encode, _ = kind()
    for seed in range(150):
        text = texts(seed).replace("\ufffd", "") if kind is sentencepiece else texts(seed)
        tokens = encode(text)
        assert decode(tokens) == text
        assert detokenized(decode, tokens) == decode(tokens)


@pytest.mark.parametrize("kind", [byte_level, merged])
def test_any_tokens_decode_one_by_one_to_what_they_are_together(
    kind: Callable[[], tuple[Decode, Callable[[str], list[int]], int]],
) -> None:
    """Invalid bytes, cut characters and control tokens included."""
    decode, encode, size = kind()
    for seed in range(300):
        rng = random.Random(seed)
        noise = [rng.choice([rng.randrange(size), rng.randrange(4)]) for _ in range(rng.randrange(60))]
        text = encode(texts(seed))
        tokens = [*noise, *text[: rng.randrange(len(text) + 1)], *noise[:20], *text[rng.randrange(len(text)) :]]
        assert detokenized(decode, tokens) == decode(tokens)


@pytest.mark.parametrize("token", ["valid", "invalid byte", "control"])
def test_decoding_costs_the_same_for_every_token(token: str) -> None:
    decode, encode, _ = byte_level()
    number = {"valid": encode("a")[0], "invalid byte": encode("é")[1], "control": 2}[token]
    decoded = [0]

    def counted(tokens: Sequence[int]) -> str:
        decoded[0] += len(tokens)
        return decode(tokens)

    detokenizer = Detokenizer(counted)
    costs = []
    for _ in range(3):
        for _ in range(300):
            detokenizer.push(number)
        costs.append(decoded[0])
        decoded[0] = 0
    assert max(costs) < 1.1 * min(costs)


OLD_THINKING = re.compile(r"(?:^\s*<think>)?.*</think>|^\s*<think>.*", re.DOTALL)
"""The definition: greedy, up to the last closing tag. Slow, but hard to get wrong."""

PARTS = ["<think>", "</think>", "<think", "</thin", "<", "/", ">", " ", "\n", "Paris", "é", "😀", "中文", "ink>"]


@pytest.mark.parametrize("seed", range(20))
def test_thoughts_are_left_out_wherever_the_pieces_are_cut(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        text = "".join(rng.choice(PARTS) for _ in range(rng.randrange(9)))
        assert without_thinking(text) == OLD_THINKING.sub("", text, count=1)
        cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(9)))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        shown = "".join(stream_without_thinking(pieces))
        assert shown.endswith(without_thinking(text))
        assert "</think>" not in shown
        is_opened = text.lstrip().startswith("<think>") and text.count("</think>") == 1
        if is_opened or "</think>" not in text:
            assert shown == without_thinking(text)


@pytest.mark.parametrize("start", ["", "<think>", "\n <thi"])
def test_the_filter_keeps_nothing_of_a_growing_text(start: str) -> None:
    thinking = ThinkingFilter()
    thinking.push(start)
    for _ in range(1000):
        thinking.push("some words <")
    assert len(str(vars(thinking))) < 200


def is_complete(text: str, stop: Sequence[str], max_lines: int | None) -> bool:
    """The oracle: look at the whole text."""
    if any(word in text for word in stop):
        return True
    if max_lines is None or not text.endswith("\n"):
        return False
    lines = [content_words(line) for line in text.splitlines() if line.strip()]
    repeated = sum(repeats(line, lines[:place]) for place, line in enumerate(lines))
    return len(lines) >= max_lines or repeated >= 2


@pytest.mark.parametrize("seed", range(10))
def test_an_answer_ends_at_the_piece_at_which_its_whole_text_is_complete(seed: int) -> None:
    rng = random.Random(seed)
    parts = ["harbour ", "closed ", "storms ", "ferry", "\n", "\n", "\r\n", " \n", "a\nb", "\u2028", "S", "TO", "P"]
    ended = 0
    for _ in range(300):
        stop = rng.choice([[], ["STOP"], ["TOP", "\nferry"]])
        max_lines = rng.choice([None, 1, 3, 9])
        end, text = AnswerEnd(stop, max_lines), ""
        for _ in range(30):
            piece = rng.choice(parts)
            text += piece
            assert end(piece) == is_complete(text, stop, max_lines)
            if is_complete(text, stop, max_lines):
                ended += 1
                break
    assert ended > 50


def test_each_line_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [0]

    def counted(line: str) -> list[str]:
        lines[0] += 1
        return [line]

    monkeypatch.setattr(answer_end, "content_words", counted)
    end = AnswerEnd([], 100)
    for number in range(50):
        for piece in ("harbour ", f"{number}", "\n"):
            assert not end(piece)
    assert lines[0] == 50


def test_streaming_a_local_answer_decodes_linearly_many_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    language_model = tiny_model("llama")
    model = LocalMemoryModel(language_model)
    decoded = [0]
    real = language_model.decode

    def counted(tokens: Sequence[int]) -> str:
        decoded[0] += len(tokens)
        return real(tokens)

    monkeypatch.setattr(language_model, "decode", counted)
    monkeypatch.setattr(language_model, "stop_tokens", frozenset())
    costs = []
    for count in (200, 400):
        decoded[0] = 0
        stream = model.stream(None, [Turn("user", "Why?")], Sampling(count, 1.0, seed=1), lambda _: False)
        assert "".join(stream).strip() == stream.completion.text
        assert stream.completion.new_tokens == count
        costs.append(decoded[0])
    assert costs[1] < 2.3 * costs[0]


def test_a_served_answer_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    added = [0]
    real = AIMessageChunk.__add__
    monkeypatch.setattr(
        AIMessageChunk, "__add__", lambda self, other: (added.__setitem__(0, added[0] + 1), real(self, other))[1]
    )
    costs = []
    for words in (10, 100):
        added[0] = 0
        model = served_memory_model(
            "fake", FakeListChatModel(responses=["<think>Lyon?</think>" + "Paris " * words]), 8192
        )
        stream = model.stream(None, [Turn("user", "Where?")], Sampling(1000))
        assert "".join(stream).strip() == stream.completion.text == ("Paris " * words).strip()
        costs.append(added[0])
    assert costs[0] == costs[1]


def test_a_chat_streams_without_thoughts() -> None:
    model = served_memory_model("fake", FakeListChatModel(responses=["<think>Lyon? 😀</think>Paris 😀."]), 8192)
    chunks = [chunk.text for chunk in MemoryChat(memory_model=model).stream("Where?")]
    assert "".join(chunks) == "Paris 😀."
