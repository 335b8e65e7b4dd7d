"""A page as the layout sees it: words, rules, and the fonts of words."""

import ctypes
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.words import Words

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is open.

    Attributes:
        words: Its words.
        rules: Boxes of its thin lines, as displayed.
        text_page: PDFium's text page.
    """

    words: Words
    rules: NDArray[np.float32]
    text_page: Any
    _fonts: dict[int, str] = field(default_factory=dict)

    def level_rules(self) -> NDArray[np.float32]:
        """Boxes of the lines that are level."""
        wide = (self.rules[:, 2] - self.rules[:, 0]) >= (self.rules[:, 3] - self.rules[:, 1])
        return self.rules[wide]

    def upright_rules(self) -> NDArray[np.float32]:
        """Boxes of the lines that are upright."""
        wide = (self.rules[:, 2] - self.rules[:, 0]) >= (self.rules[:, 3] - self.rules[:, 1])
        return self.rules[~wide]

    def font(self, word: int) -> str:
        """Name of the font of a word."""
        from pypdfium2 import raw

        at = int(self.words.starts[word])
        if at not in self._fonts:
            name, flags = ctypes.create_string_buffer(_LONGEST_NAME), ctypes.c_int()
            raw.FPDFText_GetFontInfo(self.text_page, at, name, _LONGEST_NAME, flags)
            self._fonts[at] = name.value.decode("utf-8", "replace")
        return self._fonts[at]
