"""Which fast paths a loaded model uses."""

from dataclasses import dataclass

from torch import nn

_ATTRIBUTE = "_memorag_fast_paths"


@dataclass(frozen=True, slots=True)
class FastPaths:
    """The fast paths of a processor that a model uses; everything works without them.

    Attributes:
        packed_weights: Linear layers hold their weights in oneDNN's layout
            (:mod:`memorag_graph.inference.packed_linear`).
        llama_forward: The package's own forward pass runs (:mod:`memorag_graph.inference.llama_forward`).
        fused_attention: PyTorch's fused attention kernel runs block by block
            (:mod:`memorag_graph.inference.logsumexp_attention`).
        captured_steps: Decoding steps run as CUDA graphs (:mod:`memorag_graph.inference.captured_steps`).
        prompt_lookup: Guesses of the next tokens are read in the same pass (:mod:`memorag_graph.models.prompt_lookup`).
    """

    packed_weights: bool = False
    llama_forward: bool = False
    fused_attention: bool = False
    captured_steps: bool = False
    prompt_lookup: bool = False


NO_FAST_PATHS = FastPaths()


def fast_paths_of(model: nn.Module) -> FastPaths:
    """Return the fast paths that a model uses; none for a model that was not prepared."""
    paths: FastPaths = getattr(model, _ATTRIBUTE, NO_FAST_PATHS)
    return paths


def use_fast_paths(model: nn.Module, paths: FastPaths) -> None:
    """Set the fast paths that a model's sessions use."""
    setattr(model, _ATTRIBUTE, paths)
