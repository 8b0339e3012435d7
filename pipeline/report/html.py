"""The report as one self-contained HTML file: no script, no network, no other file.

The template engine escapes everything that comes from outside (words, pseudonyms, notes, speaker
names). A content security policy in the page forbids every load and every script; the one style
sheet is allowed by its digest.

A report contains no audio unless clips are given. A report with clips says so in red and has a file
name of its own, so that `REPORT` never contains a voice.
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

    A pure function: the same input gives the same bytes. The document contains no file name and no
    date, and loads nothing when it is opened.

    Parameters
    ----------
    recording
        Supplies pseudonyms, length and consent reference.
    tables
        All tables that processing wrote; a missing table counts as empty.
    provenance
        Engines, settings, rules, and the commands to type where roles are unknown.
    clips
        Audio clips by moment_id; None: no audio, and no player.
    """
    return page("report", page=model.build(recording, tables, provenance, clips or {}))


def page(name: str, **values: object) -> str:
    """The template ``name.html`` with its own style sheet ``name.css``, as a complete document."""
    environment = _environment()
    style, _, _ = environment.loader.get_source(environment, f"{name}.css")  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The style sheet comes with the package, and its digest must match byte for byte.
    markup = Markup(style)  # noqa: S704
    return environment.get_template(f"{name}.html").render(**values, style=markup, digest=digest)


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
