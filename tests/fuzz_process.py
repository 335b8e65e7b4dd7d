"""Read mutated inputs in a process of its own, and print what happened as JSON.

fuzz_process.py KIND SEEDS_DIR RANDOM_SEED COUNT WORK_DIR
"""

import json
import random
import shutil
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorag_graph.errors import MemoragError

SECONDS = 20
BYTES = 2 * 1024**3
_MARKS = (b"\0", b"\xff\xfe", b"<", b">", b"&", b"%", b"obj", b"endstream", b"\r\n", b"\xe2\x80\xae", b"]]>", b"9" * 30)
_PIECES = (
    *(
        "word",
        "Ein",
        " ",
        "\n",
        "\n\n",
        ".",
        "1. ",
        "- ",
        "„",
        "。",
        "文",
        "ไทย",
        "\u202e",
        "\0",
        "\ufeff",
        "\ud800",
        "\t",
    ),
    *("\ud800", "{context}", "{", "}", "%s", "é", "e\u0301", "😀", "[1]", "<|end|>", "```", "# ", "|", "a" * 300),
)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Change a few bytes, or move, repeat, remove or insert a part."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, length = chance.randrange(len(data) + 1), chance.choice((1, 2, 8, 64, 1024))
        match chance.randrange(6):
            case 0 if data:
                data[at % len(data)] = chance.randrange(256)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * chance.choice((1, 3, 50))
            case 3:
                data[at:at] = chance.choice(_MARKS)
            case 4:
                data = data[:at] if chance.random() < 0.2 else data
            case _:
                other = chance.randrange(len(data) + 1)
                data[at : at + length] = data[other : other + length]
    return bytes(data)


def mutated_file(seed: Path, chance: random.Random, directory: Path) -> Path:
    """Mutate a file, or for an archive one of its parts."""
    path = directory / f"case{seed.suffix}"
    if not zipfile.is_zipfile(seed) or chance.random() < 0.3:
        path.write_bytes(mutated(seed.read_bytes(), chance))
        return path
    with zipfile.ZipFile(seed) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chosen = chance.choice(sorted(parts))
    parts[chosen] = mutated(parts[chosen], chance)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def read_files(seeds: Path, directory: Path) -> Callable[[random.Random], object]:
    """Read mutated documents; offsets of their page maps lie inside the text."""
    from memorag_graph.documents import read_document

    files = sorted(seeds.iterdir())

    def run(chance: random.Random) -> None:
        document = read_document(mutated_file(chance.choice(files), chance, directory))
        document.text.encode("utf-8")

    return run


def open_memories(seeds: Path, directory: Path) -> Callable[[random.Random], object]:
    """Open memories whose files were changed; a changed manifest is sealed again, as a forger would."""
    from memorag_graph.memory.storage.memory_files import load_memory
    from memorag_graph.memory.storage.sealed_manifest import sealed
    from memorag_graph.memory.storage.transaction import MANIFEST
    from tests.conftest import HashEmbeddings

    def run(chance: random.Random) -> None:
        place = directory / "memory"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(seeds, place)
        files = sorted(path for path in place.iterdir() if path.is_file() and path.suffix in (".json", ".bin"))
        victim = chance.choice(files)
        content = mutated(victim.read_bytes(), chance)
        if victim.name == MANIFEST or chance.random() < 0.7:
            manifest = json.loads((place / MANIFEST).read_text())
            if victim.name == MANIFEST:
                changed = _changed(manifest, chance)
                content = sealed(changed) if isinstance(changed, dict) else json.dumps(changed).encode()
            else:
                _forge(manifest, victim.name, content)
                (place / MANIFEST).write_bytes(sealed(manifest))
        victim.write_bytes(content)
        load_memory(place, HashEmbeddings())

    return run


def _changed(value: Any, chance: random.Random) -> Any:
    """Replace one value somewhere inside."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {name: it for name, it in value.items() if name != key}
        return {**value, key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], _changed(value[at], chance), *value[at + 1 :]]
    return chance.choice([None, True, -1, 0, 1, 2**31, 2**70, 1e308, "", "x", "../x", "\ud800", [], {}, [[]], {"a": 1}])


def _forge(manifest: dict[str, Any], name: str, content: bytes) -> None:
    import hashlib

    if name in manifest.get("files", {}):
        manifest["files"][name] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def handle_texts(_: Path, __: Path) -> Callable[[random.Random], object]:
    """Run the laws of texts on random text: offsets, clue lists, prompts, JSON bodies."""
    from memorag_graph.clues.list_parsing import items
    from memorag_graph.documents import from_text
    from memorag_graph.prompts import Prompts
    from memorag_graph.serving.json_body import read_json
    from memorag_graph.text.chunking import Chunk, split_chunks, split_sections
    from memorag_graph.text.languages import detect_language
    from memorag_graph.text.sentences import split_sentences

    class Words:
        fast_tokenizer = None

        def count(self, text: str) -> int:
            return len(text.split()) + len(text) // 50

    def run(chance: random.Random) -> None:
        raw = "".join(chance.choices(_PIECES, k=chance.choice((0, 1, 5, 50, 500))))
        items(raw)
        with suppress(MemoragError):
            read_json(mutated(json.dumps({"a": [raw, 1.5, {"b": None}]}).encode(), chance))
        document = from_text(raw)
        text = document.text
        text.encode("utf-8")
        language = detect_language(text)
        for sentence in split_sentences(text, language.code):
            require(text[sentence.start : sentence.end] == sentence.text)
        end = 0
        for section in split_sections(text, Words(), 40):
            require(end <= section.start < section.end)
            require(not text[end : section.start].strip())
            end = section.end
        require(not text[end:].strip())
        for chunk in split_chunks([Chunk("a", 0, 0, len(text), text)], Words(), 20):
            require(text[chunk.start : chunk.end] == chunk.text)
        filled = Prompts(language).fill("qa_gen", question="Q {evidence}", evidence=text, memory="")
        require("{question}" not in filled or "{question}" in text)

    return run


def require(holds: bool) -> None:
    """Fail if a law does not hold."""
    if not holds:
        raise RuntimeError("a law does not hold")


KINDS = {"files": read_files, "memories": open_memories, "texts": handle_texts}


def main() -> None:
    """Run the cases."""
    kind, seeds, seed, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    directory = Path(sys.argv[5])
    run = KINDS[kind](seeds, directory)

    def too_long(*_: object) -> None:
        raise TimeoutError(f"longer than {SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    failures, refused, slowest = [], 0, 0.0
    for number in range(count):
        began = time.monotonic()
        signal.alarm(SECONDS)
        try:
            run(random.Random(f"{kind}-{seed}-{number}"))
        except MemoragError:
            refused += 1
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            failures.append({"case": number, "trace": traceback.format_exc()[-1500:]})
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.monotonic() - began)
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage would include what it was forked from
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    found = {"cases": count, "refused": refused, "slowest": slowest, "peak": peak, "failures": failures[:5]}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
