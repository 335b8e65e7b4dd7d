"""The beacon settings of a checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from transformers import PreTrainedConfig

Placement = Literal["interleave", "append"]
Mask = Literal["full-coverage", "step-expansion"]
Projection = Literal["q", "k", "v", "o"]

_DEFAULTS: Mapping[str, Any] = {
    "beacon_window": 1024,
    "beacon_stride": 1024,
    "beacon_pos": "interleave",
    "beacon_attn": "full-coverage",
    "beacon_attend_prev": True,
    "beacon_sink_size": 0,
    "beacon_ratio": [2, 4, 8, 16, 32],
    "beacon_ratio_mix": "step-random",
    "beacon_param": [],
}
"""Value of each field that a checkpoint omits or sets to null."""

USUAL_RATIOS = (2, 4, 8, 16, 32)

_MARKER = "beacon_window"
"""The field that identifies a beacon checkpoint."""


@dataclass(frozen=True)
class BeaconConfig:
    """How beacons are placed and what they attend to.

    Attributes:
        window: Ordinary tokens per window.
        placement: ``"interleave"``: a beacon follows every ``ratio`` tokens; ``"append"``: all follow the full window.
        mask: ``"full-coverage"``: a beacon sees everything before it; ``"step-expansion"``: each sees ``ratio`` tokens
            more of its window than the one before.
        attend_prev: Whether, in a step expansion, a beacon sees the earlier beacons of its window.
        sink: Number of first tokens whose keys and values are always kept (attention sink).
        ratios: Tokens per beacon that the model was trained with; 0 means no compression.
        mix: How one of several ratios is chosen: ``"step-random"``, ``"instance-random"``, ``"sequence"``
            or ``"adapt-N"``.
        projections: The attention projections for which beacons have their own weights.
    """

    window: int
    placement: Placement = "interleave"
    mask: Mask = "full-coverage"
    attend_prev: bool = True
    sink: int = 0
    ratios: tuple[int, ...] = (4,)
    mix: str = "step-random"
    projections: tuple[Projection, ...] = ("q", "k", "v")

    @classmethod
    def of(cls, config: PreTrainedConfig) -> "BeaconConfig | None":
        """Read the fields of a model's config; None if it has no beacons.

        Raises:
            ValueError: If a field cannot be used.
        """
        if getattr(config, _MARKER, None) is None:
            return None
        given = {name: getattr(config, name, None) for name in _DEFAULTS}
        fields = {name: _DEFAULTS[name] if value is None else value for name, value in given.items()}
        numbers = [fields["beacon_window"], fields["beacon_sink_size"], *_listed(fields["beacon_ratio"])]
        if any(not isinstance(it, int) or isinstance(it, bool) for it in numbers):
            raise ValueError("beacon_window, beacon_sink_size and beacon_ratio must be whole numbers")
        if not isinstance(fields["beacon_param"], list | tuple):
            raise ValueError(f"beacon_param must be a list of projections, not {fields['beacon_param']!r}")
        stride = given["beacon_stride"]
        if stride is not None and stride != fields["beacon_window"]:
            raise ValueError(
                f"beacon_stride {stride} is not beacon_window {fields['beacon_window']}: overlapping windows are not "
                "supported"
            )
        return cls(
            window=fields["beacon_window"],
            placement=fields["beacon_pos"],
            mask=fields["beacon_attn"],
            attend_prev=bool(fields["beacon_attend_prev"]),
            sink=fields["beacon_sink_size"],
            ratios=tuple(_listed(fields["beacon_ratio"])),
            mix=fields["beacon_ratio_mix"],
            projections=tuple(fields["beacon_param"]),
        )

    def __post_init__(self) -> None:
        """Validate the settings.

        Raises:
            ValueError: If they are unknown, inconsistent or not supported.
        """
        if self.window < 1 or not 0 <= self.sink <= self.window:
            raise ValueError(f"a beacon_window of {self.window} with a beacon_sink_size of {self.sink} is impossible")
        for name, value, known in (
            ("beacon_pos", self.placement, get_args(Placement)),
            ("beacon_attn", self.mask, get_args(Mask)),
            *(("beacon_param", it, get_args(Projection)) for it in self.projections),
        ):
            if value not in known:
                raise ValueError(f"{name} {value!r} is not supported; supported values: {', '.join(known)}")
        if self.placement == "interleave" and self.mask != "full-coverage":
            raise ValueError(f"beacon_attn {self.mask!r} is supported only with beacon_pos 'append'")
        if not self.ratios:
            raise ValueError("beacon_ratio is empty")

    def require(self, ratio: int) -> int:
        """Return a ratio if windows can be compressed by it.

        Raises:
            ValueError: If it does not divide the window.
        """
        if ratio < 0 or (ratio and self.window % ratio):
            raise ValueError(
                f"a ratio of {ratio} does not divide the window of {self.window} tokens; choose from "
                f"{', '.join(map(str, self.usual))}"
            )
        return ratio

    @property
    def usual(self) -> list[int]:
        """The usual ratios that divide the window; if none does, its smallest divisors, or 1."""
        usual = [ratio for ratio in USUAL_RATIOS if self.window % ratio == 0]
        return usual or [ratio for ratio in range(2, self.window + 1) if self.window % ratio == 0][:5] or [1]

    def beacons(self, ratio: int) -> int:
        """Return the number of memory entries per full window."""
        return self.window // ratio if ratio else self.window

    @property
    def described(self) -> Mapping[str, Any]:
        """The settings that a memory depends on, without the ratio."""
        names = ("window", "placement", "mask", "attend_prev", "sink", "projections")
        return {name: getattr(self, name) for name in names}


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - a JSON value
    return list(value) if isinstance(value, list | tuple) else [value]


def is_beacon(config: PreTrainedConfig) -> bool:
    """Return whether a model's config describes beacons."""
    return cast("int | None", getattr(config, _MARKER, None)) is not None
