"""The graph with the way that a question took and the time of each node, in Graphviz's language."""

from collections.abc import Mapping

from memorag_graph.graph import MemoragGraph

_TAKEN = 'style="filled,rounded" fillcolor="#d8ecf7" color="#2a6f97"'
_LEFT = 'style="rounded,dashed" color="#b0b0b0" fontcolor="#909090"'


def path_dot(graph: MemoragGraph, seconds: Mapping[str, float]) -> str:
    """Draw the graph.

    Args:
        graph: The graph.
        seconds: How long each node took that ran.
    """
    drawn = graph.get_graph()
    lines = ["digraph {", 'node [shape=box fontname="sans-serif"]', 'edge [color="#909090"]', 'bgcolor="transparent"']
    for name in drawn.nodes:
        ran = name.startswith("__") or name in seconds
        label = f"{name.strip('_')}\\n{seconds[name]:.2f} s" if name in seconds else name.strip("_")
        lines.append(f'"{name}" [label="{label}" {_TAKEN if ran else _LEFT}]')
    lines += [f'"{edge.source}" -> "{edge.target}"' for edge in drawn.edges]
    return "\n".join([*lines, "}"])
