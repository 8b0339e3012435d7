"""A folder that each test of a module finds as it was: what lies in it is processed once."""

import shutil
from pathlib import Path


class PutBack:
    """A folder and a copy of it; its path stays the same, for workspaces remember paths.

    Parameters
    ----------
    folder
        Filled once; call `keep` then.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._copy = folder.with_name(f"{folder.name}-kept")

    def keep(self) -> "PutBack":
        """Remember what lies in it now."""
        shutil.copytree(self.folder, self._copy, symlinks=True)
        return self

    def back(self) -> Path:
        """The folder, as it was kept."""
        shutil.rmtree(self.folder)
        return Path(shutil.copytree(self._copy, self.folder, symlinks=True))
