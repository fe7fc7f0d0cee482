"""One HTML file that works from disk: templates filled, everything escaped, style within, nothing fetched."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
LONGEST = 4_000
"""Characters of a text that is shown; the rest is said to be left out."""


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = shown
    made.filters["drawn"] = Markup  # a chart of ours, whose texts are escaped where it is drawn
    made.globals["style"] = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return made


def fill(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever a template shows
    """Fill a template of this package; what it shows is escaped."""
    return _environment().get_template(template).render(**values)


def shown(text: str) -> str:
    """Return a text fit to be shown: without what no file can hold, and not endless."""
    fitted = text.encode("utf-8", "replace").decode("utf-8")
    if len(fitted) <= LONGEST:
        return fitted
    return f"{fitted[:LONGEST]} … ({len(fitted) - LONGEST:,} more characters)"
