"""Draw the graph in Graphviz's DOT language, with the path of a question and the time of each node."""

from collections.abc import Mapping

from memorag_graph.graph import MemoragGraph

_TAKEN = 'style="filled,rounded" fillcolor="#d8ecf7" color="#2a6f97"'
_SKIPPED = 'style="rounded,dashed" color="#b0b0b0" fontcolor="#909090"'


def path_dot(graph: MemoragGraph, seconds: Mapping[str, float]) -> str:
    """Return the graph in DOT; nodes that ran are filled and show their time.

    Args:
        graph: The graph.
        seconds: Seconds of each node that ran.
    """
    drawn = graph.get_graph()
    lines = ["digraph {", 'node [shape=box fontname="sans-serif"]', 'edge [color="#909090"]', 'bgcolor="transparent"']
    for name in drawn.nodes:
        ran = name.startswith("__") or name in seconds
        label = f"{name.strip('_')}\\n{seconds[name]:.2f} s" if name in seconds else name.strip("_")
        lines.append(f'"{name}" [label="{label}" {_TAKEN if ran else _SKIPPED}]')
    lines += [f'"{edge.source}" -> "{edge.target}"' for edge in drawn.edges]
    return "\n".join([*lines, "}"])
