"""LangChain components: a runnable, a chain, a retriever, a tool and a chat model."""
