"""``tether review``: the desk."""

import getpass
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click

from pipeline import config
from pipeline.cli import sessions
from pipeline.cli.progress import set_up_logging
from pipeline.cli.run import bench_of


def review(
    workspace: Path,
    profile: str,
    reviewers: Sequence[str],
    *,
    host: str,
    port: int,
    folders: Sequence[Path],
    browser: bool,
) -> None:
    """Serve the desk until Ctrl-C, and print the link of each reviewer."""
    from pipeline.desk import serve  # noqa: PLC0415  # a web server, which nothing else needs

    if not folders:
        sessions.require(workspace)
    set_up_logging()
    bench = bench_of(config.load(profile), workspace, profile)

    def ready(links: dict[str, str]) -> None:
        for name, link in links.items():
            click.echo(f"{name}: {link}")
        click.echo("The links hold for this run and this machine. Ctrl-C ends it; verdicts stay.")
        if host not in ("127.0.0.1", "localhost", "::1"):
            click.echo(
                "WARNING: the desk answers to other machines, and nothing on the way is "
                "encrypted. Put a TLS proxy before it, or leave --host out.",
                err=True,
            )
        if browser:
            webbrowser.open(next(iter(links.values())))

    names = reviewers or (getpass.getuser(),)
    serve(bench, names, host=host, port=port, folders=folders, ready=ready)
