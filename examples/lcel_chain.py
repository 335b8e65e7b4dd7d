"""A chain that answers from a memory, between a prompt and a parser; the answer streams."""

from pathlib import Path

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel, RunnablePassthrough

from memorag_graph import MemoRAGRetriever, memorag_chain
from memorag_graph.documents import read_document
from memorag_graph.graph import registry
from memorag_graph.settings import RunOptions

document = read_document(Path(__file__).parent / "skerrow_letters.txt")
memory_id = registry.memorize([document], RunOptions()).memory.id

# A system message instructs a chat generator; the embedded pair's generator only quotes.
prompt = ChatPromptTemplate(
    [("system", "Answer in two sentences."), ("human", "What do the letters say about {topic}?")]
)
chain = prompt | memorag_chain(memory_id) | StrOutputParser()
for piece in chain.stream({"topic": "the price of fuel"}):
    print(piece, end="", flush=True)
print()

answer = (prompt | memorag_chain(memory_id)).invoke({"topic": "the price of fuel"})
for note in answer.content_blocks[0].get("annotations", []):
    print(f"{note['title']} says: {note['cited_text']}")

both = RunnableParallel(question=RunnablePassthrough(), evidence=MemoRAGRetriever(memory_id=memory_id))
for passage in both.invoke("What became of the Tarvay Star?")["evidence"]:
    found_by = ", ".join(sorted({query["kind"] for query in passage.metadata["queries"]}))
    print(f"{passage.metadata['start']:>6}  found by {found_by}: {' '.join(passage.page_content.split())[:70]}")
