"""``tether review``: the desk."""

import getpass
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click

from pipeline import config
from pipeline.cli import options
from pipeline.cli.progress import set_up_logging
from pipeline.cli.sections import Command
from pipeline.session.workbench import workbench_of
from pipeline.workspace.database import require


@click.command(
    "review",
    cls=Command,
    examples=(
        "tether review",
        "tether review --reviewer AK --reviewer BL",
        "tether review --recordings Recordings/",
    ),
)
@options.workspace
@options.profile
@click.option(
    "--reviewer",
    "reviewers",
    multiple=True,
    help="Name under which decisions are kept; each gets a link. Default: your login name.",
)
@click.option(
    "--recordings",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder from which recordings may be added at the desk.",
)
@click.option("--port", default=8321, show_default=True, help="0 chooses any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--browser/--no-browser", default=None, help="Open the desk in a browser.")
def command(
    workspace: Path,
    profile: str,
    reviewers: tuple[str, ...],
    folders: tuple[Path, ...],
    port: int,
    host: str,
    browser: bool | None,
) -> None:
    """Open the desk: listen to moments and decide, in a browser.

    The desk can be reached from this machine only, with the link that the command prints.
    Decisions are kept in the workspace; none is ever overwritten, and later runs keep them.
    """
    shown = sys.stdout.isatty() if browser is None else browser
    serve_desk(workspace, profile, reviewers, host=host, port=port, folders=folders, browser=shown)


def serve_desk(
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
    from pipeline.desk import serve  # noqa: PLC0415  # a web server that no other command needs

    if not folders:
        require(workspace)
    set_up_logging()
    bench = workbench_of(config.load(profile), workspace, profile)

    def ready(links: dict[str, str]) -> None:
        for name, link in links.items():
            click.echo(f"{name}: {link}")
        click.echo("Links are valid until Ctrl-C, on this machine only. Decisions are kept.")
        if host not in ("127.0.0.1", "localhost", "::1"):
            click.echo(
                "WARNING: other machines can reach the desk, and the connection is not "
                "encrypted. Use a TLS proxy, or leave out --host.",
                err=True,
            )
        if browser:
            webbrowser.open(next(iter(links.values())))

    names = reviewers or (getpass.getuser(),)
    serve(bench, names, host=host, port=port, folders=folders, ready=ready)
