"""Learn low-rank updates from lessons that follow a memory, whose keys and values stay as they are."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from memorag_graph.inference.logsumexp_attention import masked
from memorag_graph.inference.low_rank import LowRank, LowRankUpdates
from memorag_graph.inference.prefix_attention import Past
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.training.lessons import Lesson

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Names of the layers that are updated, where a model has them."""

_NORM = 1.0
_WARM_UP = 4
_LEAST = 0.02
_IGNORED = -100


class Learner:
    """Learns the updates of a model.

    Args:
        model: The model, without packed layers.
        rank: Rank of each update.
        rate: Highest learning rate.
        steps: Number of steps; the rate falls to almost 0 by then.
        seed: Seed of the first weights.
    """

    ROWS = 8
    """Maximum lessons per step."""

    def __init__(self, model: LanguageModel, rank: int, rate: float, steps: int, seed: int = 0) -> None:
        self._model = model.model.requires_grad_(False)
        random = torch.Generator().manual_seed(seed)
        self._weights = {name: _initial(layer, rank, random) for name, layer in _linears(model)}
        self._updates = LowRankUpdates(
            model.model, {name: LowRank(down, up) for name, (down, up) in self._weights.items()}
        )
        parameters = [weight for pair in self._weights.values() for weight in pair]
        self._optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
        self._rate, self._steps, self.step = rate, steps, 0

    def weights(self) -> dict[str, LowRank]:
        """Return the updates as they are now."""
        return {name: LowRank(down.detach(), up.detach()) for name, (down, up) in self._weights.items()}

    def state(self) -> dict[str, Tensor]:
        """Return everything that is needed to go on later."""
        found = {"step": torch.tensor(self.step)}
        for name, parameter in self._named():
            found[name] = parameter.detach()
            for key in ("exp_avg", "exp_avg_sq", "step"):
                if key in self._optimizer.state[parameter]:
                    found[f"{name}.{key}"] = self._optimizer.state[parameter][key]
        return found

    def resume(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.step = int(state["step"])
        for name, parameter in self._named():
            parameter.data.copy_(state[name])
            for key in ("exp_avg", "exp_avg_sq", "step"):
                if f"{name}.{key}" in state:
                    self._optimizer.state[parameter][key] = state[f"{name}.{key}"].clone()

    def learn(self, prefix: KVPrefix, lessons: Sequence[Lesson]) -> float:
        """Take a step over lessons that follow a prefix, which stays as it is; return the loss before it."""
        # clones, because what was computed in inference mode takes part in no gradient
        own = KVPrefix(tuple((keys.clone(), values.clone()) for keys, values in prefix.layers))
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * _schedule(self.step, self._steps)
        loss = self.loss(own, lessons)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([parameter for _, parameter in self._named()], _NORM)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        return float(loss.detach())

    def loss(self, prefix: KVPrefix, lessons: Sequence[Lesson]) -> Tensor:
        """Return the mean loss on the replies' tokens, in nats."""
        device = self._model.device
        longest = max(len(it.prompt) + len(it.reply) for it in lessons)
        tokens = torch.zeros(len(lessons), longest, dtype=torch.long)
        labels = torch.full_like(tokens, _IGNORED)
        for row, it in enumerate(lessons):
            whole = [*it.prompt, *it.reply]
            tokens[row, : len(whole)] = torch.tensor(whole)
            labels[row, len(it.prompt) - 1 : len(whole) - 1] = torch.tensor(it.reply)
        first = int((labels != _IGNORED).any(0).nonzero()[0])
        with self._updates.active():
            output = self._model(
                input_ids=tokens.to(device),
                position_ids=prefix.length + torch.arange(longest, device=device).expand(len(lessons), -1),
                attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device),  # ``Past`` decides what is seen
                use_cache=False,
                logits_to_keep=longest - first,
                memory_past=self._past(prefix, len(lessons), longest),
            )
        return functional.cross_entropy(
            output.logits.flatten(0, 1).float(), labels[:, first:].flatten().to(device), ignore_index=_IGNORED
        )

    def _past(self, prefix: KVPrefix, rows: int, new: int) -> Past:
        """Return what rows of new tokens see: the prefix, and their own tokens up to each."""
        config = self._model.config.get_text_config()
        group = config.num_attention_heads // prefix.layers[0][0].shape[0]
        later = torch.ones(new, new, dtype=torch.bool, device=self._model.device).triu(1)
        return Past([(slice(0, rows), prefix)], unread=masked(later.repeat(group, 1))[None, None])

    def _named(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, (down, up) in self._weights.items():
            yield f"{name}.down", down
            yield f"{name}.up", up


def _linears(model: LanguageModel) -> Iterator[tuple[str, nn.Linear]]:
    """Yield the layers to update: those of the upper two thirds, below which no gradient need be computed."""
    lowest = model.model.config.get_text_config().num_hidden_layers // 3
    for name, module in model.model.named_modules():
        number = next((int(part) for part in name.split(".") if part.isdigit()), -1)
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] in LAYERS and number >= lowest:
            yield name, module


def _initial(layer: nn.Linear, rank: int, random: torch.Generator) -> tuple[nn.Parameter, nn.Parameter]:
    """Return an update that changes nothing yet."""
    down = torch.empty(rank, layer.in_features).uniform_(-1, 1, generator=random) * layer.in_features**-0.5
    up = torch.zeros(layer.out_features, rank)
    return nn.Parameter(down.to(layer.weight.device)), nn.Parameter(up.to(layer.weight.device))


def _schedule(step: int, steps: int) -> float:
    """Return the share of the highest rate: it rises for the first steps and then falls evenly."""
    return min((step + 1) / _WARM_UP, max(_LEAST, 1 - step / max(1, steps)), 1.0)
