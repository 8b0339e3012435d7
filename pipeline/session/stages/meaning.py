"""Stage `meaning`: turns beside prototype sentences, and beside what they answer.

Only where a sentence encoder is configured and knows the language.
"""

from typing import Any

from pipeline.core.tables import Tables
from pipeline.engines.protocols import SentenceEncoder
from pipeline.measures import meaning
from pipeline.session.context import Fresh
from pipeline.session.plan import LanguageResources
from pipeline.session.stage import Stage, repeated
from pipeline.workspace.store import digest


def prototypes(resources: LanguageResources) -> dict[str, str]:
    """Digest of the sentences that turns are compared with."""
    return {"prototypes": digest(resources.lexicons.canonical_prototypes().encode())}


def _encoder(context: Fresh) -> SentenceEncoder:
    encoder, _ = context.sentences
    assert encoder is not None, "`applies` said so"
    return encoder


def _run(context: Fresh, tables: Tables) -> Tables:
    sentences, settings = context.resources.lexicons.prototypes, context.settings.meaning
    found = meaning.compare(tables["turns"], sentences, _encoder(context), settings)
    return {"meaning": found}


def _parameters(context: Fresh) -> dict[str, Any]:
    _, choice = context.sentences
    named = prototypes(context.resources) | {"engine": choice.name}
    return named | repeated(_encoder(context).identity())


STAGE = Stage(
    name="meaning",
    version=1,
    needs=("turns",),
    run=_run,
    settings=("meaning",),
    parameters=_parameters,
    engine=lambda context: _encoder(context).identity(),
    because=lambda context: context.sentences[1].because,
    calls=("pipeline.engines.reading",),
    applies=lambda context: context.sentences[0] is not None,
)
