"""The public API of Tether, a thin layer over the other packages; use ``import pipeline``.

It offers the commands to programs: `run` is ``tether run``, `Session.export` is ``tether export``,
`evaluate`, `compare` and `tune` are the commands of that name, and `as_text` returns what these
print. Paths may be strings, and a single path may be given instead of several. `pipeline` itself
has the tutorial.
"""

from pipeline.api.processing import RecordingResult, RunResult, load_settings, run
from pipeline.api.scoring import as_text, compare, evaluate, read_codes, tune
from pipeline.api.workspace import Session, Workspace, open_workspace

__all__ = [
    "RecordingResult",
    "RunResult",
    "Session",
    "Workspace",
    "as_text",
    "compare",
    "evaluate",
    "load_settings",
    "open_workspace",
    "read_codes",
    "run",
    "tune",
]
