"""From a corpus to an assistant: the stages of training from scratch, set by one dial."""
