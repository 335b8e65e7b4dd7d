"""Document files → text.

Offsets everywhere in this package count characters of :attr:`Document.text`, which equals
``Path(file).read_text(encoding)`` for the detected encoding: lines end in a line feed.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.errors import InputError

if TYPE_CHECKING:
    from langchain_core.documents import Document as LangChainDocument

UNNAMED = "context"
"""Source name of a text that was handed over directly, not read from a file."""

_BOM_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")


@dataclass(frozen=True, slots=True)
class Document:
    """A text and the name of where it came from."""

    source: str
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the text alone."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def clean_text(text: str) -> str:
    """Replace each lone surrogate, which no encoder accepts, by U+FFFD; offsets stay as they are."""
    return text.translate(_SURROGATES)


def from_text(text: str, source: str = UNNAMED) -> Document:
    """Make a document of a text.

    Raises:
        InputError: If the text is empty or only white space.
    """
    if not isinstance(text, str):
        raise InputError("context", f"must be a text, not {type(text).__name__}")
    if not text.strip():
        raise InputError("context", f"{source!r} holds no text; give a document with words in it")
    return Document(source, clean_text(text))


def read_document(path: str | Path) -> Document:
    """Read a plain-text file, detecting its encoding.

    Raises:
        InputError: If the file is missing, unreadable, binary or empty.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError("file", f"{path} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        raise InputError("file", f"{path} cannot be read ({error}); give a readable text file") from None
    return decode_document(data, str(path))


def decode_document(data: bytes, name: str) -> Document:
    """Make a document of the bytes of a plain-text file, detecting its encoding.

    Raises:
        InputError: If they are binary or empty.
    """
    text = _decode(data, name).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputError("file", f"{name} holds no text; give a document with words in it")
    return Document(clean_text(name), clean_text(text))


def read_documents(paths: Iterable[str | Path]) -> Sequence[Document]:
    """Read several files, in order; see :func:`read_document`."""
    return [read_document(path) for path in paths]


def from_langchain(documents: "Iterable[LangChainDocument]") -> Sequence[Document]:
    """Make documents of what a LangChain loader gives.

    Those that share ``metadata["source"]``, such as the pages of one file, become one document: their texts in
    order, with a blank line in between. Those without a source are parts of one as well.

    Raises:
        InputError: If one of the documents holds no text, or is no document.
    """
    texts: dict[str, list[str]] = {}
    for document in documents:
        if not hasattr(document, "page_content"):
            raise InputError("documents", f"must be LangChain documents, not {type(document).__name__}")
        texts.setdefault(str(document.metadata.get("source") or UNNAMED), []).append(document.page_content)
    return [from_text("\n\n".join(parts), clean_text(source)) for source, parts in texts.items()]


def _decode(data: bytes, name: str) -> str:
    binary = InputError("file", f"{name} is not a text file; convert it to plain text (UTF-8) first")
    for mark, encoding in _BOM_ENCODINGS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise binary from None
    if b"\x00" in data:
        raise binary
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = _decode_guessing(data, binary)
    controls = sum(character < " " and character not in "\t\n\r\f\v\x1b" for character in text)
    if controls > len(text) // 100:
        raise binary
    return text


def _decode_guessing(data: bytes, failure: InputError) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(data)
    best = matches.best()
    if best is None:
        raise failure
    for match in matches:  # of encodings that fit equally well, the Western one is by far the most common
        if match.encoding == "cp1252" and (match.chaos, match.coherence) == (best.chaos, best.coherence):
            return str(match)
    return str(best)
