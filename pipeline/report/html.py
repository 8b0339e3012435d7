"""The report as one HTML file that needs nothing else: no script, no network, no other file.

Whatever comes from outside (words, pseudonyms, notes, names of speakers) is escaped by the
template engine. A content security policy in the page forbids every load and every script; the one
style sheet is allowed by its digest.

A report holds no sound, unless clips are handed over. Such a report says so in red, and has a file
name of its own, so that `REPORT` is free of voices whoever made it.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.audio.clips import Clip
from pipeline.core.tables import Recording, Tables
from pipeline.report import model
from pipeline.workspace.provenance import Provenance

REPORT = "report.html"
WITH_CLIPS = "report-with-clips.html"


def render(
    recording: Recording,
    tables: Tables,
    provenance: Provenance,
    clips: Mapping[int, Clip] | None = None,
) -> str:
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
    clips
        By moment_id, what is to be heard; None: no sound, and nothing that could play any.
    """
    environment = _environment()
    style, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = model.build(recording, tables, provenance, clips or {})
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
