"""One HTML file that works from disk: templates filled, all of it escaped, style and script within, nothing fetched."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourways.evals.rendering.drawing import key
from fourways.evals.rendering.text import cut, flat, legal

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")


def fill(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever a template shows
    """Fill a template of this package; what it shows is escaped, and of it what no file may contain is replaced."""
    return legal(_environment().get_template(template).render(**values))


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
    made.filters |= {"cut": cut, "flat": flat, "coded": _coded}
    made.filters["drawn"] = Markup  # a chart of ours, whose texts are escaped where it is drawn
    script = _read("page.js")
    made.globals |= {
        "style": Markup(_read("style.css")),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "key": lambda series: Markup(key(series)),  # noqa: S704 - drawn here, of a number
    }
    return made


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _coded(text: str) -> "Markup":
    """Escape a text, and show what stands between backticks as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
