"""Where heavy work runs: this machine's processes, or Ray. Knows folders and processes, not what they compute."""
