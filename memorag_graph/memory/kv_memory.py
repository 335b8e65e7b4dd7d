"""A memory: its shards, notes and documents, and the models it was made with."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from memorag_graph.documents import NO_PAGES, Document, PageMap
from memorag_graph.errors import MemoryMismatchError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.section_note import SectionNote
from memorag_graph.models.text_model import TextModel
from memorag_graph.prompts import Prompts
from memorag_graph.settings import BeaconRatio, MemorySettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """The models that a memory was made with; it is used only with equal ones.

    Attributes:
        model: Name the model was loaded by.
        model_fingerprint: Hash of its architecture and weights.
        tokenizer_fingerprint: Hash of its vocabulary and chat template.
        dtype: Dtype it computes in.
        window: Maximum tokens of prompt and answer together; shards are laid out for it.
        embedding_model: Name of the model behind the retrieval index; empty without an index.
        quantization: ``"nf4"`` if its weights are held in 4 bits; else empty.
        served: The model that an inference server serves under that name, as the server tells; empty if unknown.
        server: Program and version of the server; another one is told, but may continue the memory.
    """

    model: str
    model_fingerprint: str
    tokenizer_fingerprint: str
    dtype: str
    window: int
    embedding_model: str
    quantization: str = ""
    served: str = ""
    server: str = ""

    @classmethod
    def of(cls, model: TextModel, embedding_model: str) -> "Identity":
        """Describe a model."""
        return cls(
            model.name,
            model.fingerprint,
            model.tokenizer_fingerprint,
            model.dtype,
            model.window,
            embedding_model,
            model.quantization,
            model.served,
            model.server,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, without those of other kinds of models."""
        fields = asdict(self)
        return {name: fields[name] for name in fields if fields[name] or name not in _MAY_BE_EMPTY}

    def require(self, used: "Identity", *, same_dtype: bool = True) -> None:
        """Compare with the models in use; names may differ, contents may not.

        Args:
            used: The models in use.
            same_dtype: Whether the dtypes have to be equal.

        Raises:
            MemoryMismatchError: Naming each difference.
        """
        compared = (
            ("model", self.model_fingerprint, used.model_fingerprint, _models(self, used)),
            ("tokenizer", self.tokenizer_fingerprint, used.tokenizer_fingerprint, "another vocabulary or template"),
            ("dtype", self.dtype, used.dtype if same_dtype else self.dtype, f"{self.dtype} → {used.dtype}"),
            ("window", self.window, used.window, f"{self.window:,} → {used.window:,} tokens"),
            ("weights", self.quantization, used.quantization, _weights(self) + " → " + _weights(used)),
            ("embedding model", self.embedding_model, used.embedding_model,
             f"{self.embedding_model} → {used.embedding_model}"),
            ("served model", self.served or used.served, used.served or self.served, f"{self.served} → {used.served}"),
        )  # fmt: skip
        differences = [f"{what}: {shown}" for what, mine, theirs, shown in compared if mine != theirs]
        if differences:
            raise MemoryMismatchError(
                f"this memory was made with other models than those in use ({'; '.join(differences)}); "
                "use the models it was made with or memorize the document again"
            )
        if self.server and used.server and self.server != used.server:
            _log.warning("a memory made with %s is used with %s; answers may differ", self.server, used.server)


_MAY_BE_EMPTY = ("quantization", "served", "server")


def _models(made_with: Identity, used: Identity) -> str:
    if made_with.model == used.model:
        return f"{used.model}, with other weights or other beacons"
    return f"{made_with.model} → {used.model}"


def _weights(identity: Identity) -> str:
    return identity.quantization or "unquantized"


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A memorized document: name, hash, size, its places, and what to know of how it was read."""

    source: str
    sha256: str
    characters: int
    tokens: int
    page_map: PageMap = NO_PAGES
    notices: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: Document, tokens: int) -> "DocumentInfo":
        """Describe a document of ``tokens`` tokens."""
        text, page_map, notices = document.text, document.page_map, document.notices
        return cls(document.source, document.sha256, len(text), tokens, page_map, notices)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, without those that are empty."""
        fields = {"source": self.source, "sha256": self.sha256, "characters": self.characters, "tokens": self.tokens}
        fields |= {"places": self.page_map.to_dict()} if self.page_map else {}
        return fields | ({"notices": list(self.notices)} if self.notices else {})

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "DocumentInfo":
        """Read the fields back from plain values."""
        given = {name: value for name, value in fields.items() if name not in ("places", "notices")}
        notices = tuple(map(str, fields.get("notices", ())))
        return cls(**given, page_map=PageMap.of(fields.get("places", {})), notices=notices)


@dataclass(frozen=True, eq=False)
class Memory:
    """Documents read once: KV prefixes over notes on their sections.

    Attributes:
        id: Content address; see :func:`memory_id`.
        shards: The prefixes; several if one would not fit the model's window, none while the model has not read the
            notes yet.
        notes: The notes of the sections, in order; empty texts where there are no shards.
        documents: The memorized documents, in order.
        prompts: The prompts of the documents' language; ``context`` and ``gist`` are those it was made with.
        settings: How it was made.
        identity: The models it was made with.
    """

    id: str
    shards: tuple[Shard, ...]
    notes: tuple[SectionNote, ...]
    documents: tuple[DocumentInfo, ...]
    prompts: Prompts
    settings: MemorySettings
    identity: Identity

    def is_in(self, dtype: str) -> bool:
        """Return whether keys and values are in a dtype, such as ``"float32"``; true if a server holds them."""
        return all(shard.is_in(dtype) for shard in self.shards)

    def in_dtype(self, dtype: str) -> "Memory":
        """Return the memory with keys and values in a dtype; what is saved of it stays in its own.

        Args:
            dtype: Name of the dtype, such as ``"float32"``.

        Raises:
            MemoryMismatchError: If values are beyond the dtype's range.
        """
        if self.is_in(dtype):
            return self
        try:
            return replace(self, shards=tuple(shard.converted(dtype) for shard in self.shards))
        except ValueError as error:
            raise MemoryMismatchError(
                f"this memory was made in {self.identity.dtype} and cannot be used in {dtype} ({error}); "
                "use dtype float32"
            ) from None

    @property
    def is_whole(self) -> bool:
        """Whether the model has read the documents, so that the memory can be asked."""
        return bool(self.shards)

    @property
    def reading_notices(self) -> list[str]:
        """What to know of how the documents were read; each begins with a document's name."""
        return [f"{document.source}: {notice}" for document in self.documents for notice in document.notices]

    @property
    def context_tokens(self) -> int:
        """Number of tokens of the documents."""
        return sum(document.tokens for document in self.documents)

    @property
    def memory_tokens(self) -> int:
        """Number of tokens whose keys and values are held."""
        return sum(shard.kv.length for shard in self.shards)

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values in use."""
        return sum(shard.kv.nbytes for shard in self.shards)


def require_ratio(settings: MemorySettings, ratio: BeaconRatio | None) -> None:
    """Compare the ratio of a beacon memory with the requested one; None means the memory's own.

    Raises:
        MemoryMismatchError: If they differ.
    """
    if ratio is not None and settings.kind == "beacon" and settings.beacon_ratio != ratio:
        raise MemoryMismatchError(
            f"this memory was made with beacon_ratio {settings.beacon_ratio}, not {ratio}; leave the ratio out, or "
            "memorize the document again"
        )


def memory_id(
    documents: Sequence[Document | DocumentInfo], identity: Identity, settings: MemorySettings, prompts: Prompts
) -> str:
    """Return the content address of a memory: the same for the same texts, names, models, settings and prompts."""
    chosen = settings.model_dump()
    if settings.kind != "beacon":
        del chosen["beacon_ratio"]
    if settings.index == MemorySettings().index:
        del chosen["index"]
    if settings.kind != "gist" or settings.gist_writer == "model":
        del chosen["gist_writer"]
    described = {
        "documents": [[document.source, document.sha256] for document in documents],
        "identity": {**replace(identity, server="").to_dict(), "model": None},
        "settings": chosen,
        "prompts": [prompts["context"], prompts["gist"]],
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]
