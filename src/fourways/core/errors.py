"""Every error fourways raises on purpose. Raise only from this tree; `web/errors` alone maps it to status codes.

FourwaysError
├── InvalidProject            fourways.yaml (or a file it names) is wrong: each problem with file, line, key
├── InvalidRequest            the caller sent nonsense: which parameter
│   ├── RequestTooLarge
│   ├── ContextTooLong
│   └── InvalidDataset        rows that may not be learned from: each problem with file and line
├── NotAuthenticated          no key, an unknown key, a revoked key
├── NotAllowed                a good key that may not do this
├── NotFound                  no such thing; says what there is
│   ├── UnknownModel
│   └── NotTrained            a way whose weights are not there yet, or not of today's data; says what makes them
├── IllegalTransition         a row asked to make a move its lifecycle does not have
├── Refused                   a gate said no (or could not say yes); gives its reasons
├── InvalidSuite              a file of test cases is wrong: which file, which line
├── MissingPackage            something optional is asked for that is not installed; says how to install it
├── RateLimited               too many requests or tokens; says when to come back
├── Busy                      someone else holds what is needed (a lock, a lease)
├── UnreadableDocument        a source's bytes could not be parsed
├── RefusedAddress            a URL that fourways will not fetch (private, not http)
├── Unavailable               a part of fourways is not up (engine, store)
└── UpstreamError             a model's server failed
    ├── UpstreamRefused       it answered 4xx: relayed with its own status and message
    ├── UpstreamTimeout
    └── CircuitOpen           it failed so often that it is left alone for a while
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class FourwaysError(Exception):
    """Base of all: `message` says what was wrong and what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a project, where it stands, and what would be right."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line or "", self.key) if part)
        return f"{where}: {self.message}" if where else self.message


class InvalidProject(FourwaysError):
    """The project file is wrong; `problems` says where and how, all of them at once."""

    def __init__(self, problems: Sequence[Problem] | str, *, file: str = "", line: int = 0, key: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem(file=file, line=line, key=key, message=problems)]
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class InvalidRequest(FourwaysError):
    """The caller's request is wrong; `param` names the field, where there is one."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param, self.code = param, code


class RequestTooLarge(InvalidRequest):
    """The body is over the configured number of bytes."""


class ContextTooLong(InvalidRequest):
    """The messages do not fit the model's window."""


class InvalidDataset(InvalidRequest):
    """Rows cannot be read, or may not be learned from; `problems` says which and why, the message the first of them."""

    SHOWN = 20

    def __init__(self, problems: Sequence[Problem] | str, *, summary: str = "") -> None:
        listed = [Problem(file="", line=0, key="", message=problems)] if isinstance(problems, str) else list(problems)
        more = len(listed) - self.SHOWN
        lines = [summary, *map(str, listed[: self.SHOWN]), f"and {more} more" if more > 0 else ""]
        super().__init__("\n".join(line for line in lines if line))
        self.problems = tuple(listed)


class NotAuthenticated(FourwaysError):
    """There is no key, or the key is not (or no longer) known."""


class NotAllowed(FourwaysError):
    """The key is good, but not for this."""


class NotFound(FourwaysError):
    """There is no such thing."""

    @classmethod
    def named(cls, kind: str, name: str, known: Iterable[str]) -> "NotFound":
        """Build the error for an unknown name: lists what there is, and the likely typo."""
        names = sorted(known)
        close = get_close_matches(name, names, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; there is: {', '.join(names) or 'none'}"
        return cls(f"there is no {kind} '{name}'{hint}")


class UnknownModel(NotFound):
    """`model` names no app, candidate, way or provider's model."""


class NotTrained(NotFound):
    """A way's weights are not there: nobody trained them yet, or the data changed since."""

    def __init__(self, message: str, *, app: str = "", way: str = "") -> None:
        super().__init__(message)
        self.app, self.way = app, way


class IllegalTransition(FourwaysError):
    """A row cannot make this move from where it is."""


class Refused(FourwaysError):
    """A gate said no, or could not say yes; `reasons` says why, a sentence a rule."""

    def __init__(self, outcome: str, reasons: Sequence[str]) -> None:
        super().__init__("\n".join([f"the gate's verdict is {outcome}", *(f"- {reason}" for reason in reasons)]))
        self.outcome, self.reasons = outcome, tuple(reasons)


class InvalidSuite(FourwaysError):
    """A file of test cases, or one case in it, is wrong."""

    def __init__(self, message: str, *, file: str = "", line: int = 0) -> None:
        where = ":".join(str(part) for part in (file, line or "") if part)
        super().__init__(f"{where}: {message}" if where else message)
        self.file, self.line = file, line


class MissingPackage(FourwaysError):
    """What was asked for needs a package of an extra that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed, and this needs it: pip install 'fourways[{extra}]'")


class RateLimited(FourwaysError):
    """Too much, too fast; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(FourwaysError):
    """Someone else holds what is needed; trying again later may work."""


class UnreadableDocument(FourwaysError):
    """A document's bytes could not be parsed; the sync goes on without it and says so."""


class RefusedAddress(FourwaysError):
    """fourways will not fetch this URL."""


class Unavailable(FourwaysError):
    """A part of fourways is not up; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UpstreamError(FourwaysError):
    """A model's server failed; `target` is `provider/model`."""

    def __init__(self, message: str, *, target: str = "") -> None:
        super().__init__(message)
        self.target = target


class UpstreamRefused(UpstreamError):
    """A model's server answered with an error status, kept here with its body to be relayed."""

    def __init__(
        self, message: str, *, target: str, status: int, body: bytes = b"", retry_after: float | None = None
    ) -> None:
        super().__init__(message, target=target)
        self.status, self.body, self.retry_after = status, body, retry_after


class UpstreamTimeout(UpstreamError):
    """A model's server did not answer in time."""


class CircuitOpen(UpstreamError):
    """A model's server failed so often lately that it is not asked; `retry_after` is in seconds."""

    def __init__(self, message: str, *, target: str, retry_after: float) -> None:
        super().__init__(message, target=target)
        self.retry_after = retry_after
