"""Decoding steps as CUDA graphs: one call launches all operations of a step.

A step of a small model is more than a thousand short operations, and launching each from Python takes longer than
running it. A CUDA graph records them once, with the addresses of their tensors, and repeats them for other contents of
the same tensors.
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.errors import first_line
from memorag_graph.inference.chosen_paths import fast_paths_of, use_fast_paths

Step = Callable[..., Tensor]
"""Runs a step on tensors of the device; every number that changes from step to step has to come in one of them."""

Replay = Callable[[Sequence[Tensor]], Tensor]
"""Repeats a step with other contents of its inputs; returns a new tensor."""

PLAIN_STEPS = 4
"""Steps of a kind that run plainly before one is recorded. Recording costs about as much as a few steps, and what runs
for the first time, such as a kernel that is loaded, cannot be recorded."""

_MOST = 8
"""Maximum graphs that are held; each has memory for the intermediate results of a step."""

_log = logging.getLogger(__name__)


class CapturedSteps:
    """Runs steps, those of a frequent kind as graphs.

    Args:
        model: The model that the steps run. If one of its steps cannot be recorded, none is from then on.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._runs: dict[Hashable, int] = {}
        self._replays: dict[Hashable, Replay] = {}

    def run(self, kind: Hashable, step: Step, inputs: Sequence[Tensor]) -> Tensor:
        """Run a step; return its result.

        Args:
            kind: Everything that decides which operations run and on which tensors, besides the inputs' contents.
            step: The step.
            inputs: Its inputs, on any device; their shapes belong to the kind.
        """
        runs = self._runs[kind] = self._runs.get(kind, 0) + 1
        if runs > PLAIN_STEPS and kind not in self._replays and fast_paths_of(self._model).captured_steps:
            if len(self._replays) == _MOST:
                self._replays.pop(next(iter(self._replays)))
            self._replays[kind] = self._recorded(step, inputs)
        run = self._replays.get(kind, self._plainly(step))
        return run(inputs)

    def _recorded(self, step: Step, inputs: Sequence[Tensor]) -> Replay:
        """Return a recording of a step, or the step itself if it cannot be recorded."""
        try:
            return capture(step, [given.to(self._model.device) for given in inputs])
        except torch.OutOfMemoryError:
            raise  # fewer rows may fit
        except RuntimeError as error:
            _log.warning("CUDA graphs not used with this model: %s", first_line(error))
            use_fast_paths(self._model, replace(fast_paths_of(self._model), captured_steps=False))
            return self._plainly(step)

    def _plainly(self, step: Step) -> Replay:
        return lambda contents: step(*(given.to(self._model.device) for given in contents))

    def forget(self) -> None:
        """Drop all graphs, because the tensors that they read and write have changed places."""
        self._runs.clear()
        self._replays.clear()


def can_capture(device: torch.device) -> bool:
    """Return whether steps on a device can be recorded."""
    return device.type == "cuda"


def capture(step: Step, inputs: Sequence[Tensor]) -> Replay:
    """Record a step without running it.

    Raises:
        RuntimeError: If the step does what cannot be recorded, such as waiting for the device.
    """
    held = [given.clone() for given in inputs]
    graph, stream = torch.cuda.CUDAGraph(), _recording_stream(held[0].device)
    # other threads may allocate on the same device meanwhile
    with torch.cuda.device(stream.device), torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        output = step(*held)

    def replay(contents: Sequence[Tensor]) -> Tensor:
        for place, given in zip(held, contents, strict=True):
            place.copy_(given)
        graph.replay()
        return output.clone()

    return replay


@cache
def _recording_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream on which a device's steps are recorded; PyTorch's own is that of the first device."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call] # the class is typed only in part
