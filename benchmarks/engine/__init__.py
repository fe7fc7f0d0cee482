"""Speed of the engine, beside sentence-transformers."""
