"""Ways side by side: what differs, what it costs over traffic, which to take and why. Pure."""
