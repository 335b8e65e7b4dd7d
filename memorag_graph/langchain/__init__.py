"""The package as parts of LangChain programs: a runnable, a chain, a retriever, a tool, a chat model."""
