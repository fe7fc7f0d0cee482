"""The gateway's cost of one request, beside LiteLLM's proxy and a FastAPI + httpx relay."""
