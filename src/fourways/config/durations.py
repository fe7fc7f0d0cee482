"""Durations as people write them: 30s, 15m, 2h, 7d."""

from datetime import timedelta

import re2

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
PATTERN = re2.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$")


def parse_duration(value: object) -> timedelta:
    """Read a number of seconds, or text such as `30s`, `15m`, `1.5h`, `7d`.

    Raises:
        ValueError: it is neither, or it is negative.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return timedelta(seconds=value)
    match = PATTERN.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        msg = f"{value!r} is no duration: write seconds as a number, or text such as 30s, 15m, 2h, 7d"
        raise ValueError(msg)
    return timedelta(seconds=float(match[1]) * UNITS[match[2]])


def say_duration(value: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in the largest unit that it is a whole number of."""
    milliseconds = round(value.total_seconds() * 1000)
    sizes = {unit: round(UNITS[unit] * 1000) for unit in ("d", "h", "m", "s", "ms")}
    unit = next((unit for unit, size in sizes.items() if milliseconds and milliseconds % size == 0), "s")
    return f"{milliseconds // sizes[unit]}{unit}"
