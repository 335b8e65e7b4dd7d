"""A client of the Model Context Protocol, as agents have one, starts ``memorag-graph mcp`` and uses its tools."""

import asyncio
import os
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

letters = Path(__file__).parent / "skerrow_letters.txt"
server = StdioServerParameters(
    command=sys.executable, args=["-m", "memorag_graph", "mcp", "--allow-memorize"], env=dict(os.environ)
)


async def main() -> None:
    async with Client(server) as client:
        print("tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
        document = {"name": letters.name, "text": letters.read_text(encoding="utf-8")}
        await client.call_tool("memorize", {"documents": [document]})
        question = "How low did the company's cash headroom fall?"
        result = await client.call_tool("ask", {"memory": letters.name, "question": question})
        answer = result.structured_content or {}
        print(answer["answer"])
        for citation in answer["citations"]:
            print(f"  [{citation['number']}] {citation['document']}: {citation['quote']}")


asyncio.run(main())
