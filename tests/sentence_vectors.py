"""The sentence encoder of this machine, for tests that need a real one."""

from functools import cache

import pytest

from pipeline import config
from pipeline.engines.minilm import MiniLmEncoder
from pipeline.errors import EngineError


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
