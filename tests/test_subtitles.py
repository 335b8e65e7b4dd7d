"""Subtitles: a line for each turn, the time of each place, no tags and numbers."""

from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document


def read(directory: Path, text: str, name: str = "a.srt") -> Document:
    (directory / name).write_bytes(text.encode())
    return read_document(directory / name)


def test_sentences_over_cues_are_joined_and_know_their_time(tmp_path: Path) -> None:
    document = read(tmp_path, (
        "1\r\n00:00:01,000 --> 00:00:03,500\r\nThe ferry to Inshay\r\nleaves at eight,\r\n\r\n"
        "2\r\n00:00:03,600 --> 00:00:05,000\r\nand again at <i>seventeen</i>.\r\n\r\n"
        "3\r\n01:02:03,000 --> 01:02:05,000\r\n{\\an8}Adults pay 14 crowns.\r\n"
    ))  # fmt: skip
    assert document.text == "The ferry to Inshay leaves at eight, and again at seventeen.\nAdults pay 14 crowns."
    places = {words: document.page_map.label(document.text.index(words)) for words in ("ferry", "seventeen", "Adults")}
    assert places == {"ferry": "00:00:01", "seventeen": "00:00:03", "Adults": "01:02:03"}


def test_a_turn_is_a_line_that_names_its_speaker(tmp_path: Path) -> None:
    document = read(tmp_path, (
        "WEBVTT - talk\nKind: captions\n\nNOTE not spoken\n\nSTYLE\n::cue {color: red}\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start\n<v.loud Anna Berg>When does it sail?\n\n"
        "00:02.000 --> 00:04.000\n<v Tom &amp; Jo>At <00:03.000><c>eight</c>,\n\n"
        "00:04.000 --> 00:05.000\n<v Tom &amp; Jo>or nine.\n\n"
        "00:06.000 --> 00:07.000\n<v Anna Berg>Thanks.\n\n"
    ), "a.vtt")  # fmt: skip
    assert document.text.splitlines() == [
        "Anna Berg: When does it sail?", "Tom & Jo: At eight, or nine.", "Anna Berg: Thanks.",
    ]  # fmt: skip
    assert [document.page_map.label(document.text.index(it)) for it in ("When", "eight", "or nine", "Thanks")] == [
        "00:00:01", "00:00:02", "00:00:04", "00:00:06",
    ]  # fmt: skip


def test_names_and_dashes_begin_turns(tmp_path: Path) -> None:
    cues = [
        "ANNA: It costs 14.",
        "Note this: no",
        "more.",
        "- Really?\n- Yes.",
        "DR. O'NEIL: Good.",
        ">> TOM: Bye.",
        "At 7:30: go.",
    ]
    text = "".join(f"{at}\n00:00:{at:02},000 --> 00:00:{at + 1:02},000\n{cue}\n\n" for at, cue in enumerate(cues, 1))
    assert read(tmp_path, text).text.splitlines() == [
        "ANNA: It costs 14. Note this: no more.", "Really?", "Yes.", "DR. O'NEIL: Good.", "TOM: Bye. At 7:30: go.",
    ]  # fmt: skip


def test_captions_that_scroll_are_not_repeated(tmp_path: Path) -> None:
    lines = ["the ferry", "to Inshay", "leaves at eight", "every day"]
    text = "WEBVTT\n\n"
    for at in range(len(lines)):
        text += f"00:00:{at:02}.000 --> 00:00:{at + 1:02}.000\n" + "\n".join(lines[max(0, at - 1) : at + 1]) + "\n\n"
    assert read(tmp_path, text, "a.vtt").text == "the ferry to Inshay leaves at eight every day"


def test_long_talk_is_split_at_sentences_and_keeps_its_speaker(tmp_path: Path) -> None:
    text = "".join(f"{at}\n00:{at // 60:02}:{at % 60:02},000 --> 00:{at // 60:02}:{at % 60:02},900\n"
                   f"{'TOM: ' if at == 0 else ''}Sentence number {at}.\n\n" for at in range(900))  # fmt: skip
    lines = read(tmp_path, text).text.splitlines()
    assert all(line.startswith("TOM: Sentence") and line.endswith(".") and len(line) < 700 for line in lines)
    assert " ".join(line.removeprefix("TOM: ") for line in lines) == " ".join(
        f"Sentence number {at}." for at in range(900)
    )


def test_captions_without_punctuation_are_cut_into_lines(tmp_path: Path) -> None:
    text = "".join(f"{at}\n00:{at // 60:02}:{at % 60:02},000 --> 00:{at // 60:02}:{at % 60:02},900\nword {at} and\n\n"
                   for at in range(900))  # fmt: skip
    lines = read(tmp_path, text).text.splitlines()
    assert max(map(len, lines)) < 400
    assert " ".join(lines).split() == " ".join(f"word {at} and" for at in range(900)).split()


@pytest.mark.parametrize(("text", "expected"), [
    ("1\n00:00:01,000 --> 00:00:02,000\nOne.\n2\n00:00:02,000 --> 00:00:03,000\nTwo.\n", "One. Two."),
    ("1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:02,000 --> 00:00:03,000\nTwo.", "Two."),
    ("1\n00:00:01.5 --> 00:00:02.0\nIn\n\n1999\n\n3\n00:00:05,000 --> 00:00:06,000\nit sank.", "In it sank."),
    ("Only text.", "Only text."),
])  # fmt: skip
def test_odd_files_are_read(tmp_path: Path, text: str, expected: str) -> None:
    assert read(tmp_path, text).text.replace("\n", " ") == expected


def test_the_content_decides(tmp_path: Path) -> None:
    assert read(tmp_path, "1\n00:00:01,000 --> 00:00:02,000\nOne.\n", "a.txt").text == "One."


def test_a_turn_ends_after_a_long_silence(tmp_path: Path) -> None:
    cues = "1\n00:00:01,000 --> 00:00:03,000\nNORA: The oven came by ship\n\n"
    cues += "2\n00:00:40,000 --> 00:00:43,000\nNORA: The flour is dry.\n"
    (tmp_path / "a.srt").write_text(cues)
    document = read_document(tmp_path / "a.srt")
    assert document.text == "NORA: The oven came by ship\nNORA: The flour is dry."
    assert [document.page_map.place(document.text.index(it))["label"] for it in ("The oven", "The flour")] == [
        *("00:00:01", "00:00:40"),
    ]
