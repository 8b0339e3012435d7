"""A workspace must be there: to read in it must not make it."""

from pathlib import Path

from pipeline.core.errors import ConfigError
from pipeline.workspace.database import FILE, told


def require(workspace: Path) -> None:
    """Refuse a workspace that is not there: to read in it must not make it."""
    with told("read"):
        try:
            (workspace / FILE).lstat()
        except (FileNotFoundError, NotADirectoryError):
            pass
        else:
            return
    lacks = f"'{workspace}' is no workspace: it has no {FILE}"
    raise ConfigError(
        lacks if workspace.is_dir() else f"there is no workspace '{workspace}'",
        expected="a folder that `tether run` has made",
        hint="tether run RECORDING...",
    )
