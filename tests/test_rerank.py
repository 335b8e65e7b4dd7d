"""A cross-encoder reads question and passage together and reorders the best passages."""

from pathlib import Path

import pytest
import torch
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from memorag_graph.errors import ModelError
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.retrieval.rerank import CrossEncoderReranker
from tests.conftest import TEXT, TINY

QUESTION = "Who was proud of the harbour?"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(pre_token for pre_token in TEXT.lower().split())]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny seeded cross-encoder in a directory."""
    place = tmp_path_factory.mktemp("judge")
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **special)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        num_labels=1,
        pad_token_id=0,
    )
    model = BertForSequenceClassification(config)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.2)
    model.save_pretrained(place)
    fast.save_pretrained(place)
    return str(place)


def test_the_order_is_that_of_the_models_scores(judge: str) -> None:
    texts = {at * 3: sentence.lower() for at, sentence in enumerate(TEXT.split(". ")[:12])}
    model = CrossEncoder(judge, device="cpu")
    alone = {chunk: float(model.predict([(QUESTION, text)])[0]) for chunk, text in texts.items()}
    assert CrossEncoderReranker(model).order(QUESTION, texts) == sorted(texts, key=lambda it: -alone[it])
    same = dict.fromkeys((5, 2, 9), "the same words")
    assert CrossEncoderReranker(model).order(QUESTION, same) == [2, 5, 9]


def test_the_graph_finds_other_passages_with_it(registry: Registry, judge: str) -> None:
    options = TINY.model_copy(update={"evidence_tokens": 160, "question_share": 1.0})
    given = {"context": TEXT, "query": QUESTION, "task_type": "lookup"}
    plain = build_graph(registry).invoke(given, context=options)  # type: ignore[call-overload]
    judged = build_graph(registry).invoke(  # type: ignore[call-overload]
        given, context=options.model_copy(update={"reranker": judge})
    )
    assert [it.page_content for it in judged["evidence"]] != [it.page_content for it in plain["evidence"]]
    order = registry.models.reranker(judge)
    assert order is not None
    found = {at: it.page_content for at, it in enumerate([*plain["evidence"], *judged["evidence"]])}
    assert found[order.order(QUESTION, found)[0]] in [it.page_content for it in judged["evidence"]]


def test_a_name_that_is_no_model_says_what_to_do(registry: Registry, tmp_path: Path) -> None:
    options = TINY.model_copy(update={"reranker": str(tmp_path / "nowhere")})
    with pytest.raises(ModelError, match="is not a directory; give a model's directory"):
        build_graph(registry).invoke(  # type: ignore[call-overload]
            {"context": TEXT, "query": QUESTION, "task_type": "lookup"}, context=options
        )
