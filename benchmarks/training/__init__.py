"""Speed of training, beside transformers' Trainer and a plain loop."""
