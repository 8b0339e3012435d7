"""Features, one file a kind: a new file with a function `features` is found here.

What each file measures is listed in `pipeline.measures`.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from pipeline.measures.feature import Feature, Given


def declared(given: Given) -> Iterator[Feature]:
    """The features of all files, file by file in order of name."""
    for module in iter_modules(__path__):
        yield from import_module(f"{__name__}.{module.name}").features(given)
