"""Stage `turns`: turns, silences and overlaps, before roles are known.

It uses the lexicons of acknowledgements, questions and unfinished turns. With another lexicon it is
computed again from stored tables.
"""

from collections.abc import Callable

from pipeline.core.tables import Tables
from pipeline.lexicons import Lexicons
from pipeline.session.context import Context
from pipeline.session.stage import Stage
from pipeline.speech import turns


def _run(context: Context, tables: Tables) -> Tables:
    lexicons = context.resources.lexicons
    return turns.build(
        tables,
        context.settings.turns,
        _acknowledges(lexicons),
        asks=_matches(lexicons, "closing_question"),
        is_unfinished=_matches(lexicons, "unfinished"),
    )


def _acknowledges(lexicons: Lexicons) -> Callable[[str], bool] | None:
    """A test whether a text contains acknowledgements only; None without a lexicon."""
    if lexicons.language is None:
        return None
    return lambda text: bool(lexicons.only("acknowledgement", text))


def _matches(lexicons: Lexicons, name: str) -> Callable[[str], bool] | None:
    """A test whether a text matches a lexicon; None where the language lacks it."""
    if name not in lexicons.entries:
        return None
    return lambda text: bool(lexicons.count(name, text))


STAGE = Stage(
    name="turns",
    version=4,
    needs=("media", "words"),
    run=_run,
    settings=("turns",),
    parameters=lambda context: {"lexicons": context.resources.digests["lexicons"]},
)
