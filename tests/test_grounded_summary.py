"""The central sentences of a section: words weigh by their frequency, figures by a share of the most frequent word."""

from memorag_graph.memory.build.grounded_summary import central_sentences
from memorag_graph.text.sentences import Sentence


def ranked(*texts: str) -> list[int]:
    """Positions of the texts, most central first."""
    sentences = [Sentence(1000 * at, 1000 * at + len(text), text) for at, text in enumerate(texts)]
    return [sentence.start // 1000 for sentence in central_sentences(sentences)]


COMMON = ["ferry harbour lorries captain storms"] * 9
"""Five words that nine sentences share, each of which then counts nine times."""


def test_figures_weigh_a_fifth_of_the_most_frequent_word() -> None:
    words = "alpha bravo charlie delta eagle"
    figures = "11 12 13 14 15"
    rare_first = ranked(*COMMON, words, figures)
    assert rare_first.index(10) < rare_first.index(9)  # 9 / 5 against 1
    thrice = ranked(*COMMON, *[words] * 3, figures)
    assert thrice.index(9) < thrice.index(12)  # 3 against 9 / 5


def test_a_figure_raises_the_sentence_that_states_it() -> None:
    facts = ranked(*COMMON, "revenue climbed during autumn 1994", "revenue climbed during autumn again")
    assert facts.index(9) < facts.index(10)


def test_frequent_words_come_first_and_covered_ones_count_less() -> None:
    texts = ["quiet winter village church bells", *["ferry harbour lorries captain storms"] * 2]
    assert ranked(*texts) == [1, 0, 2]
