"""A served model writes the answers: OpenAI, Azure OpenAI, DeepSeek, or any server that speaks OpenAI's protocol.

Set OPENAI_API_KEY, and OPENAI_BASE_URL for a server of your own.
"""

from pathlib import Path

from memorag_graph import Agent, MemoRAGLite

agent = Agent("gpt-4o-mini", source="openai", prices=(0.15, 0.60), max_cost=0.10)
pipe = MemoRAGLite("embedded", "embedded", customized_gen_model=agent)
pipe.memorize((Path(__file__).parent / "skerrow_letters.txt").read_text(encoding="utf-8"))
print(pipe("How many people did the ships carry across the Garrow?"))
for notice in pipe.result["notices"]:
    print(f"Note: {notice}")
print(f"{agent.usage.calls} calls, {agent.usage.total_tokens} tokens, {agent.usage.cost:.4f} dollars")
