"""Compare pipelines on evaluation data with the embedded models; write tables, plots and JSON.

    python benchmarks/quality/study.py DATA/chunk_evidence DATA/qmsum_val --keep DIR

Re-run to resume a killed run. docs/evaluation.md describes the content of DIR/NAME; results and plots are copied to
benchmarks/results/quality/, and benchmarks/quality/README.md discusses them.
"""

import argparse
import json
import shutil
from pathlib import Path

from memorag_graph.evaluation.evaluate import Plan, evaluate
from memorag_graph.evaluation.formats.load_dataset import load_dataset
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

WHOLE = (
    "dense", "bm25", "hybrid", "hybrid-bm25", "hybrid-dense",
    "memorag", "memorag+draft", "memorag-spans", "memorag-surrogates", "memorag-share",
)  # fmt: skip
WRITING = ("dense", "hybrid", "memorag", "memorag+draft", "multi_query", "hyde", "closed_book")
"""Pipelines compared on fewer questions, since some generate text for every question."""

LARGE = ("dense", "bm25", "hybrid")
"""Pipelines also run with chunks of 512 tokens, as usual in plain RAG."""

RESULTS = Path(__file__).parent.parent / "results" / "quality"
BUDGET = 1536


def run(folder: Path, keep: Path, name: str, plan: Plan) -> None:
    place = keep / name
    evaluate(load_dataset(str(folder)), plan, place, Registry())
    config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    results = json.loads((place / "results.json").read_text(encoding="utf-8"))
    target = RESULTS / name
    target.mkdir(parents=True, exist_ok=True)
    kept = {"config": config, "results": results}
    (target / "results.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shutil.copy(place / "report.md", target / "report.md")
    shutil.copytree(place / "plots", target / "plots", dirs_exist_ok=True)
    found = {it: metrics["evidence_recall"]["mean"] for it, metrics in results.items() if "evidence_recall" in metrics}
    print(name, {it: round(mean, 4) for it, mean in found.items()}, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="working directory, reused between runs")
    parser.add_argument("--limit", type=int, default=0, help="maximum questions per data set; 0 for all")
    parser.add_argument("--answers", action=argparse.BooleanOptionalAction, default=True, help="also generate answers")
    parser.add_argument("--writing", type=int, default=30, help="questions for pipelines that generate queries")
    parser.add_argument("--concurrency", type=int, default=12, help="questions asked at once")
    given = parser.parse_args()
    silence_libraries()
    options = RunOptions(model="embedded", evidence_tokens=BUDGET)
    large = options.model_copy(update={"retrieval_chunk_size": 512})
    for folder in given.folders:
        name, at_once = folder.name, given.concurrency
        run(folder, given.keep, f"{name}-512", Plan(LARGE, large, baseline="dense", answers=False))
        run(
            folder,
            given.keep,
            name,
            Plan(WHOLE, options, baseline="hybrid", answers=given.answers, limit=given.limit, concurrency=at_once),
        )
        if given.writing:
            plan = Plan(WRITING, options, baseline="hybrid", limit=given.writing, concurrency=at_once)
            run(folder, given.keep, f"{name}-writing", plan)


if __name__ == "__main__":
    main()
