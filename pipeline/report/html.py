"""The report as one HTML file that needs nothing else: no script, no network, no other file.

Whatever comes from outside (words, pseudonyms, notes, names of speakers) is escaped by the
template engine. A content security policy in the page forbids every load and every script; the one
style sheet is allowed by its digest.
"""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report import model
from pipeline.report.provenance import Provenance
from pipeline.tables import Recording, Tables


def render(recording: Recording, tables: Tables, provenance: Provenance) -> str:
    """The report of one session as a complete HTML document.

    A pure function: the same input gives the same bytes. It holds no file name and no date, and
    loads nothing when it is opened.

    Parameters
    ----------
    recording
        Supplies pseudonyms, length and consent reference.
    tables
        Whatever the walk made; a missing table counts as empty.
    provenance
        Engines, settings, rules, and what to type where roles are unknown.
    """
    environment = _environment()
    style, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = model.build(recording, tables, provenance)
    # The style sheet is our own, and its digest must match byte for byte.
    own = Markup(style)  # noqa: S704
    return environment.get_template("report.html").render(page=page, style=own, digest=digest)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
