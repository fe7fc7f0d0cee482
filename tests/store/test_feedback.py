"""An opinion says something, within its bounds."""

import pytest

from fourways.core.errors import InvalidRequest
from fourways.store.feedback import Opinion


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "says nothing"),
        ({"thumb": 0}, "right would be 1 or -1"),
        ({"thumb": 2}, "right would be 1 or -1"),
        ({"stars": 0}, "right would be 1 to 5"),
        ({"stars": 6, "thumb": 1}, "right would be 1 to 5"),
    ],
)
def test_nonsense_is_refused(wrong, says):
    with pytest.raises(InvalidRequest, match=says):
        Opinion(**wrong)
