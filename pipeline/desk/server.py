"""The server of the desk."""

import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from pipeline.core.errors import ConfigError
from pipeline.desk.access import Gate, hosts
from pipeline.desk.app import application
from pipeline.desk.connections import configured
from pipeline.desk.desk import Desk
from pipeline.session.workbench import Workbench


def serve(
    bench: Workbench,
    reviewers: Sequence[str],
    *,
    host: str,
    port: int,
    folders: Sequence[Path] = (),
    ready: Callable[[dict[str, str]], None],
) -> None:
    """Serve the desk until it is interrupted.

    Parameters
    ----------
    reviewers
        Names under which decisions are stored; each gets a link.
    port
        0: any free port.
    folders
        Folders from which recordings may be added.
    ready
        Called with the link of each reviewer, once the desk accepts connections.

    Raises
    ------
    ConfigError
        The address cannot be used.
    """
    desk = Desk(bench, tuple(folders))
    try:
        listener = _listen(host, port)
        port = listener.getsockname()[1]
        gate = Gate(reviewers, port)
        shown = f"[{host}]" if ":" in host else host
        app = application(desk, gate, hosts(shown, port))
        desk.index.sessions()  # reads every session now, not with the first page
        links = {
            name: f"http://{shown}:{port}/enter?token={token}"
            for name, token in gate.tokens.items()
        }
        ready(links)
        uvicorn.Server(configured(app, desk.settings)).run(sockets=[listener])
    finally:
        desk.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise ConfigError(
            f"port {port} cannot be used on this address",
            expected="a free port",
            hint="tether review --port 0 picks a free one",
        ) from None
    listener.listen(128)
    return listener
