"""Tether: candidate withdrawal and confrontation moments in recorded therapy sessions.

From Python, in a notebook or a script::

    import pipeline

    pipeline.run("recordings/", workspace="workspace")  # as `tether run`
    with pipeline.open_workspace("workspace") as ws:
        for session in ws.sessions:
            print(session.name, session.duration_ms, session.moments.height)
        turns = ws["3fa94c"].table("turns")             # a polars frame

    codes = pipeline.read_codes("codes.csv")            # what people coded
    result = pipeline.evaluate("workspace", codes)
    print(pipeline.as_text(result))                     # as `tether evaluate` prints it

The whole of it on a transcript of four lines:

>>> import tempfile
>>> from pathlib import Path
>>> import pipeline
>>> temporary = tempfile.TemporaryDirectory()
>>> folder = Path(temporary.name)
>>> _ = (folder / "monday.csv").write_text('''role,start_ms,end_ms,text
... therapist,0,4000,"How has your week been since we met here the last time?"
... client,4200,6000,"You don't listen to me."
... therapist,6500,9000,"I'm sorry. What was it like for you when I said that?"
... client,9400,14000,"It was all right I suppose and then I went home to my sister."
... ''')
>>> _ = (folder / "monday.csv.yaml").write_text("{language: en, code: S-1}")
>>> _ = (folder / "codes.csv").write_text('''session,start_ms,marker
... S-1,4500,C1
... ''')

>>> done = pipeline.run(folder / "monday.csv", workspace=folder / "workspace")
>>> [each.status for each in done.recordings]
['done']
>>> with pipeline.open_workspace(folder / "workspace") as ws:
...     (session,) = ws.sessions
>>> session.name, session.duration_ms, session.metadata.language
('S-1', 14000, 'en')
>>> session.moments["kind", "marker"].rows()
[('confrontation', 'C1')]
>>> session.table("words")["speaker", "role", "text"].row(-1)
('client', 'client', 'sister.')

>>> result = pipeline.evaluate(folder / "workspace", folder / "codes.csv")
>>> result.evaluation.tally("confrontation").recall
1.0
>>> mine = pipeline.load_settings("default", {"rules": ["withdrawal"]})
>>> changes = pipeline.compare(folder / "workspace", None, mine)
>>> changes.moments["kind", "change"].rows()
[('confrontation', 'vanished')]
>>> temporary.cleanup()

Times are whole milliseconds from the start of the recording; **null means "could not be measured",
never zero**. Whatever cannot be used raises a `TetherError`, whose attributes say what was found,
what was expected and what to do next.

These names are all that is public. They are imported when they are first used, so ``import
pipeline`` costs nothing. Everything else in the package is private by convention: it may be
renamed or removed in any version. ``docs/api.md`` is the page about them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Annotations",
    "Comparison",
    "ConfigError",
    "EngineError",
    "EvaluationResult",
    "InputError",
    "RecordingResult",
    "RunResult",
    "Session",
    "Settings",
    "StoreError",
    "TetherError",
    "Tuning",
    "Workspace",
    "__version__",
    "as_text",
    "compare",
    "evaluate",
    "load_settings",
    "open_workspace",
    "read_codes",
    "run",
    "tune",
]

if TYPE_CHECKING:
    from pipeline.api import (
        RecordingResult,
        RunResult,
        Session,
        Workspace,
        as_text,
        compare,
        evaluate,
        load_settings,
        open_workspace,
        read_codes,
        run,
        tune,
    )
    from pipeline.config import Settings
    from pipeline.core.errors import ConfigError, EngineError, InputError, StoreError, TetherError
    from pipeline.research import Annotations, Comparison, EvaluationResult, Tuning
else:
    # Hidden from type checkers, which would take any name for one of the package.
    _ELSEWHERE = {
        "Settings": "pipeline.config",
        **dict.fromkeys(
            ("ConfigError", "EngineError", "InputError", "StoreError", "TetherError"),
            "pipeline.core.errors",
        ),
        **dict.fromkeys(
            ("Annotations", "Comparison", "EvaluationResult", "Tuning"), "pipeline.research"
        ),
    }

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        value = getattr(import_module(_ELSEWHERE.get(name, "pipeline.api")), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return list(__all__)
