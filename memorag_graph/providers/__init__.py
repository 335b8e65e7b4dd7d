"""Chat models served by OpenAI, Azure OpenAI and DeepSeek: clients, errors, usage and cost."""
