"""The web service: LangServe endpoints for questions, and endpoints for memories."""
