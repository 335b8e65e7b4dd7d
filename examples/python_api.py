"""MemoRAG's Python interface: memorize a document, ask it, keep it, load it again."""

import tempfile
from pathlib import Path

from memorag_graph import MemoRAGLite

text = (Path(__file__).parent / "skerrow_letters.txt").read_text(encoding="utf-8")[:8000]

with tempfile.TemporaryDirectory() as save_dir:
    pipe = MemoRAGLite("embedded", "embedded")
    pipe.memorize(text, save_dir=save_dir, print_stats=True)
    print(pipe("What happened to the bridge?"))
    for citation in pipe.result["citations"]:
        print(f"  [{citation['number']}] characters {citation['start']} to {citation['end']}: {citation['quote']}")

    again = MemoRAGLite("embedded", "embedded")
    again.load(save_dir)
    print(again("What happened to the bridge?", task_type="qa"))
