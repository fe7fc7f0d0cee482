"""Its own process: our weights on the OpenAI wire. Only here is torch imported."""
