"""Measuring: cases, scorers, the runner, statistics, the gate. Sees Answerers, never how they were built."""
