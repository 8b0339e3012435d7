"""Stage `readings`: which rupture markers each turn shows to a reader, before roles are known.

Every turn is read as if its speaker were the client, so that correcting who is who reads nothing
again. The table is empty where no reader is installed that knows the language.
"""

from typing import Any

from pipeline.core.tables import READINGS, Tables
from pipeline.engines.protocols import Identity
from pipeline.measures import exchanges
from pipeline.session.context import Fresh
from pipeline.session.stage import Stage, repeated, sections


def _run(context: Fresh, tables: Tables) -> Tables:
    reader, _ = context.reader
    read = READINGS.empty() if reader is None else exchanges.read(tables["turns"], reader)
    return {"readings": read}


def _identity(context: Fresh) -> Identity:
    reader, _ = context.reader
    return reader.identity() if reader else {}


def _parameters(context: Fresh) -> dict[str, Any]:
    _, choice = context.reader
    named = {"engine": choice.name} | sections(context.settings, choice.name)
    return named | repeated(choice.identity)


STAGE = Stage(
    name="readings",
    version=1,
    needs=("turns",),
    run=_run,
    parameters=_parameters,
    engine=_identity,
    because=lambda context: context.reader[1].because,
    calls=("pipeline.engines.reading",),
)
