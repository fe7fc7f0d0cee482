"""From nothing to the report of a comparison on real data, and what it spends its time on."""
