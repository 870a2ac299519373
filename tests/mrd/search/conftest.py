"""Small searches."""

from functools import partial

import pytest

from tests.mrd.search.small_search import small_search


@pytest.fixture
def begun(small):
    """Return a function that makes a search on pixels at its start, and its target."""
    return partial(small_search, small)
