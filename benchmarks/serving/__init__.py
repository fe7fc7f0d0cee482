"""Speed of generation by our engine, beside llama.cpp and transformers."""
