"""The package as a web service: LangServe's endpoints for questions, and endpoints for memories."""
