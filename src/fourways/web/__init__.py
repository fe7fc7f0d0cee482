"""The HTTP door. It knows wires and status codes, and nothing of how an answer is made."""
