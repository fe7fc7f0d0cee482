"""What measures speed, memory and quality: each folder has one command, and its figures are ratios against a peer."""
