"""The identity of a model notices changes of its weights."""

import pytest

from memorag_graph.models.fingerprint import fingerprint
from tests.conftest import tiny_model


@pytest.mark.parametrize("part", range(0, 64, 3))
def test_a_change_of_a_64th_of_a_weight_changes_the_fingerprint(part: int) -> None:
    model = tiny_model("llama").model
    before = fingerprint(model)
    weight = model.get_parameter("model.embed_tokens.weight")
    assert weight.numel() % 64 == 0
    weight.data.view(64, -1)[part] += 1
    assert fingerprint(model) != before
