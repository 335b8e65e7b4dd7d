"""Words of scripts with and without spaces, with marks and figures."""

import pytest

from memorag_graph.text.words import content_words, count_words, longest_prefix, pairs


def test_pairs_keep_marks_with_their_letters() -> None:
    assert pairs("收入增") == ["收入", "入增"]
    assert pairs("ผู้ชาย") == ["ผู้ช", "ชา", "าย"]
    assert pairs("ผู้") == ["ผู้"]


@pytest.mark.parametrize("text", ["เขาเสียชีวิตในทะเล", "ລາວຕາຍຢູ່ທະເລ", "គាត់ស្លាប់នៅសមុទ្រ", "သူပင်လယ်မှာသေဆုံးခဲ့"])
def test_scripts_without_spaces_whose_letters_are_not_wide_are_cut_into_pairs(text: str) -> None:
    words = content_words(text)
    assert words == pairs(text)
    assert len(words) >= 8
    assert count_words(text) == (len(words) + 2) // 2
    assert count_words(f"{text} and {text}") == 2 * count_words(text) + 1 - (len(words) + 1) % 2


def test_words_with_vowel_signs_stay_whole() -> None:
    assert content_words("समुद्र हिन्दी में", frozenset({"में"})) == ["समुद्र", "हिन्दी"]
    assert content_words("Cafe\u0301s") == ["cafe\u0301s"]
    assert count_words("समुद्र हिन्दी में") == 3


def test_figures_and_names_within_a_script_without_spaces_stand_alone() -> None:
    assert content_words("增长了1,204.5万元") == ["增长", "长了", "1,204.5", "万元"]
    assert content_words("在2020年") == ["在", "2020", "年"]
    assert content_words("ปี๒๕๖๓มี") == ["ปี", "๒๕๖๓", "มี"]
    assert content_words("用Excel做") == ["用", "excel", "做"]
    assert content_words("covid19 Q3 A380") == ["covid19", "a380"]


def test_short_words_count_unless_they_are_function_words() -> None:
    assert content_words("He is ill at sea, isn't he?") == []
    assert content_words("He is ill at sea, isn't he?", frozenset({"he", "is", "at", "isn"})) == ["ill", "sea"]


def test_the_longest_start_is_found_by_counting_few_starts() -> None:
    text, counted = "ab " * 2000, []

    def count(start: str) -> int:
        counted.append(start)
        return len(start)

    assert longest_prefix(text, 700, count) == text[:700]
    assert len(counted) < 15
