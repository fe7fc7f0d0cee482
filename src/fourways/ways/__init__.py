"""The ways a candidate is made. A new way is a file here and a row in this table; nothing above changes."""

from collections.abc import Mapping
from types import MappingProxyType

from fourways.ways.base import Way
from fourways.ways.finetune import TuningWay
from fourways.ways.pretrain import PretrainingWay
from fourways.ways.prompt import PromptingWay
from fourways.ways.rag import RetrievalWay

WAYS: Mapping[str, Way] = MappingProxyType(
    {way.name: way for way in (PromptingWay(), RetrievalWay(), TuningWay(), PretrainingWay())}
)
"""From the cheapest and simplest upwards."""
