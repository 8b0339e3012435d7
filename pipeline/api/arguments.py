"""What functions accept: paths as people give them, and settings."""

import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.config import Settings

PathLike = str | os.PathLike[str]


Paths = PathLike | Iterable[PathLike]


SettingsLike = Settings | PathLike


"""Settings, the name of a built-in profile, or the path of a YAML file."""


def paths_of(paths: Paths) -> list[Path]:
    """One path or several; a text is one path, not letters."""
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [Path(path) for path in several]
