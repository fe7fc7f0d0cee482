"""What a way is: it builds a candidate from its part of the project file, and opens a candidate to answer with it."""

from typing import Any, Protocol

from fourways.core.chat import Answerer
from fourways.core.specs import Candidate
from fourways.core.traits import Traits
from fourways.ways.workshop import Workshop


class Way(Protocol):
    """One of the ways a candidate is made. Nothing above `ways/` ever asks which one it was."""

    name: str

    async def build(self, app: str, spec: Any, workshop: Workshop) -> Candidate:  # noqa: ANN401 - each way has its own node
        """Make a candidate: pin everything that decides an answer.

        Args:
            app: the app it will answer for.
            spec: the way's node of the project file.
            workshop: the tools it may use.

        Raises:
            InvalidProject: a file that the spec names is wrong.
        """
        ...

    def open(self, candidate: Candidate, workshop: Workshop) -> Answerer:
        """Return what answers for a candidate: the same for evaluation and for serving.

        Raises:
            UnknownModel, NotFound: something that the candidate pins is no longer there.
        """
        ...

    def traits(self, candidate: Candidate, workshop: Workshop) -> Traits:
        """Say what a candidate is like apart from its answers: who sees data, how fresh it is, how data leaves it.

        Raises:
            UnknownModel, NotFound: something that the candidate pins is no longer there.
        """
        ...
