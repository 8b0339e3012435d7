"""``tether doctor``: what works on this machine, and what to type where something is missing."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from pipeline import __version__, config, lexicons, measures
from pipeline.cli import options
from pipeline.cli.sections import Command
from pipeline.config import Settings
from pipeline.core import plugins
from pipeline.core.errors import EXIT_DONE, ConfigError, EngineError, TetherError
from pipeline.core.registry import Kind, engines
from pipeline.engines import models

_TASKS: dict[Kind, str] = {
    "speech detector": "speech activity",
    "diarizer": "diarizer",
    "transcriber": "transcriber",
    "pitch tracker": "pitch",
    "reader": "reading",
}


@click.command(
    "doctor",
    cls=Command,
    examples=("tether doctor",),
)
@options.workspace
@options.profile
@options.as_json
def command(workspace: Path, profile: str, as_json: bool) -> None:
    """Check this machine, with the command to type for each gap."""
    sys.exit(examine(workspace, profile, as_json=as_json))


_MIB = 2**20


@dataclass(frozen=True)
class Finding:
    """One line of the check.

    Attributes
    ----------
    subject
        What was checked.
    state
        ``here``, ``missing`` (some recordings cannot be processed without it) or ``note``.
    text
        The result, for people.
    hint
        The command to type next; empty if there is none.
    """

    subject: str
    state: Literal["here", "missing", "note"]
    text: str
    hint: str = ""


def examine(workspace: Path, profile: str, *, as_json: bool) -> int:
    """Print all findings. The exit code is always 0: a missing engine is not a failure."""
    settings = config.load(profile)
    findings = list(_findings(workspace, settings))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
        return EXIT_DONE
    signs = {"here": "ok", "missing": "--", "note": "  "}
    for finding in findings:
        click.echo(f"{signs[finding.state]}  {finding.subject:<28} {finding.text}")
        if finding.hint:
            click.echo(f"    {'':<28} next: {finding.hint}")
    return EXIT_DONE


def _findings(workspace: Path, settings: Settings) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "tether", "here", f"{__version__} on Python {python}, {os.cpu_count()} processors"
    )
    for kind, task in _TASKS.items():
        yield from _engines(task, kind, settings)
    if settings.roles.enrolment:
        yield from _engines("voice encoder", "voice encoder", settings)
    measures.catalogue(settings)  # imports the features of plug-ins
    for failure in plugins.failures():
        yield Finding(f"plug-in {failure.name} {failure.adds}", "missing", str(failure))
    yield from _models(settings)
    yield _lexicons(settings)
    yield _gpu()
    yield _disk(workspace)
    off = all(os.environ.get(name) == value for name, value in models.SWITCHES.items())
    yield Finding(
        "hubs and telemetry", "here" if off else "missing", "switched off" if off else "on"
    )


def _engines(task: str, kind: Kind, settings: Settings) -> Iterator[Finding]:
    for engine in engines(kind):
        subject = f"{task} {engine.name}"
        try:
            identity = engine.make(settings).identity()
        except (ConfigError, EngineError) as caught:  # it may lack its settings
            yield Finding(subject, "missing", caught.found, caught.hint)
        except Exception as caught:  # noqa: BLE001  # an engine of another package
            yield Finding(subject, "missing", f"failed: {type(caught).__name__}: {caught}")
        else:
            text = ", ".join(f"{key} {value[:16]}" for key, value in identity.items())
            yield Finding(subject, "here", text)


def _models(settings: Settings) -> Iterator[Finding]:
    yield Finding("models folder", "note", str(models.folder(settings)))
    for broken in models.unreadable(settings):
        yield Finding("models", "missing", broken.found, broken.hint)
    for model in models.installed(settings):
        yield Finding(f"model {model.name}", "here", f"{model.kind}, SHA-256 {model.digest[:16]}")


def _lexicons(settings: Settings) -> Finding:
    try:
        languages = lexicons.languages(own=map(Path, settings.lexicons))
    except TetherError as caught:
        return Finding("lexicons", "missing", str(caught))
    return Finding("lexicons", "here", ", ".join(languages))


def _gpu() -> Finding:
    """Ask the driver, not torch: importing torch takes seconds."""
    if shutil.which("nvidia-smi"):
        return Finding("GPU", "here", "an NVIDIA driver is installed")
    return Finding("GPU", "note", "none; everything runs on the processor")


def _disk(workspace: Path) -> Finding:
    folder = workspace.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // _MIB
    hour = 4 * 16_000 * 3600 * 2 // _MIB
    text = f"{free} MiB free; an hour of stereo needs {hour} MiB while it is processed"
    if free < hour:
        return Finding("disk", "missing", text, "free some space, or choose --workspace elsewhere")
    return Finding("disk", "here", text)
