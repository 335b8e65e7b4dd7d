"""Write the table of options in ``docs/configuration.md`` from :class:`memorag_graph.settings.RunOptions`.

python docs/options_table.py
"""

from pathlib import Path
from typing import Any

from memorag_graph.settings import RunOptions

PAGE = Path(__file__).with_name("configuration.md")
BEGIN, END = "<!-- options: written by docs/options_table.py -->\n", "<!-- end of options -->\n"


def table() -> str:
    """Return one row per option: name, values, default and meaning."""
    properties = RunOptions.model_json_schema()["properties"]
    rows = [
        f"| `{name}` | {_values(properties[name])} | {_default(field.get_default(call_default_factory=True))} "
        f"| {_escape(field.description or '')} |"
        for name, field in RunOptions.model_fields.items()
    ]
    return "\n".join(["| option | values | default | meaning |", "|---|---|---|---|", *rows, ""])


def updated(page: str) -> str:
    """Return a page with the table between its marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _values(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_values(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] in ("integer", "number"):
        low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
        word = "integer" if schema["type"] == "integer" else "number"
        bounds = f", {'above ' if 'exclusiveMinimum' in schema else ''}{low:,} to {high:,}" if high is not None else ""
        return f"{word}{bounds}"
    return {"string": "text", "boolean": "true, false", "object": "table"}[schema["type"]]


def _default(value: object) -> str:
    return "" if value in ("", None) or value == {} else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
