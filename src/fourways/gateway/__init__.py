"""The data plane, free of HTTP: routes, keys, limits, recording, and the onion they make."""
