"""fourways: a company's documents and questions, answered in each of four ways, measured, shipped behind one API."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fourways.session import Session, open_project

__all__ = ["Session", "open_project"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the public names, imported when first used
    if name in __all__:
        from fourways import session

        return getattr(session, name)
    raise AttributeError(f"module 'fourways' has no attribute '{name}'")
