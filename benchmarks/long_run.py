"""Thousands of questions over many memories, with adding and deleting: what the service holds must not grow.

    python benchmarks/long_run.py [--questions 2000] [--memories 100]

Reported: RSS, open files, threads and temporary files after every 100 questions, and RSS per question after the first
half, in which caches fill.
"""

import argparse
import random
import tempfile
from pathlib import Path

import httpx
import numpy as np
from common import DOCUMENT, write_result
from soak import CHARACTERS, Case, Service

CHANGE_EVERY = 20
SAMPLE_EVERY = 100


def cases(count: int) -> list[Case]:
    """Overlapping parts of the example document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    step = (len(text) - CHARACTERS) // count
    return [Case(f"part-{at}.txt", text[at * step : at * step + CHARACTERS]) for at in range(count)]


def change(client: httpx.Client, case: Case, memory_id: str) -> str:
    """Delete a memory, see that it is gone, and make it again."""
    client.delete(f"/memories/{memory_id}").raise_for_status()
    if client.get(f"/memories/{memory_id}").status_code != 404:
        raise SystemExit(f"{memory_id} is not gone")
    return case.memorize(client)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--memories", type=int, default=100)
    arguments = parser.parse_args()
    chance, known = random.Random(1), cases(arguments.memories)
    samples, wrong, changed = [], 0, 0
    with tempfile.TemporaryDirectory() as directory:
        service = Service(Path(directory))
        with httpx.Client(base_url=service.url, timeout=600) as client:
            ids = [case.memorize(client) for case in known]
            for number in range(1, arguments.questions + 1):
                at = chance.randrange(len(known))
                case, question = known[at], chance.choice(known[at].questions)
                answer = client.post("/memorag/invoke", json=case.body(ids[at], question)).raise_for_status()
                given = answer.json()["output"]["answer"]
                wrong += case.expected.setdefault(("lookup", question), given) != given
                if number % CHANGE_EVERY == 0:
                    ids[at], changed = change(client, case, ids[at]), changed + 1
                if number % SAMPLE_EVERY == 0:
                    samples.append({"questions": number, **service.resources()})
                    print(samples[-1], flush=True)
        service.stop()
    late = samples[len(samples) // 2 :]
    slope = np.polyfit([it["questions"] for it in late], [it["rss_mb"] for it in late], 1)[0]
    write_result(
        "long_run",
        {
            "questions": arguments.questions,
            "memories": arguments.memories,
            "deleted_and_made_again": changed,
            "answers_that_changed": wrong,
            "rss_kb_per_question_in_the_second_half": round(1000 * float(slope), 2),
            "samples": samples,
        },
    )


if __name__ == "__main__":
    main()
