"""Stage `roles`: who is the therapist, and turns, silences and overlaps with roles."""

from typing import Any

from pipeline.core.tables import Tables
from pipeline.session.context import Context
from pipeline.session.stage import Stage
from pipeline.speech import roles, voices


def _run(context: Context, tables: Tables) -> Tables:
    settings = context.settings.roles
    compared = "voices" in context.slots and settings.enrolment
    enrolled = voices.recognised(tables["voices"], settings) if compared else {}
    metadata = context.recording.metadata
    return roles.assign(tables, metadata, context.corrections, settings, enrolled=enrolled)


def _parameters(context: Context) -> dict[str, Any]:
    metadata = context.recording.metadata
    known = {
        "channels": {str(number): role for number, role in metadata.channels.items()},
        "roles": dict(metadata.roles),
        "corrections": dict(context.corrections),
    }
    return {"told": known}  # under a key of its own: the settings have a section "roles"


STAGE = Stage(
    name="roles",
    version=5,
    needs=("turns", "values"),
    optional=("voices",),
    run=_run,
    settings=("roles",),
    parameters=_parameters,
)
