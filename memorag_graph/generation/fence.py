"""Fence a document's text in a prompt, so that it cannot pass for the prompt around it.

What stands in a document is data. The mark of the fence is a digest of everything inside and of the question: no text
can contain it, because it would have to contain the digest of itself, and the same input always gives the same prompt.
"""

import hashlib
from dataclasses import dataclass

_DIGITS = 16


@dataclass(frozen=True)
class Fence:
    """Marks around texts that are quoted from a document.

    Attributes:
        mark: The mark, which none of the texts contains.
    """

    mark: str

    @classmethod
    def around(cls, *texts: str) -> "Fence":
        """Return the fence for texts.

        Args:
            texts: Everything that is to be inside, and the question.
        """
        digest = hashlib.sha256()
        for text in texts:
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big"))
            digest.update(encoded)
        return cls(digest.hexdigest()[:_DIGITS])

    def enclose(self, text: str) -> str:
        """Return a text between marks."""
        return f"<document {self.mark}>\n{text}\n</document {self.mark}>"

    def explain(self, note: str) -> str:
        """Return a note about the fence; ``{mark}`` in it stands for the mark."""
        return note.replace("{mark}", self.mark)
