"""The sentence encoder of this machine, for tests that need a real one."""

from functools import cache

import pytest

from pipeline import config
from pipeline.core.errors import EngineError
from pipeline.engines.reading.minilm import MiniLmEncoder


def encoder() -> MiniLmEncoder:
    """It, loaded once; the test is skipped where it is not here."""
    try:
        _encoder().identity()
    except EngineError as caught:
        pytest.skip(str(caught))
    return _encoder()


@cache
def _encoder() -> MiniLmEncoder:
    return MiniLmEncoder(config.load())
