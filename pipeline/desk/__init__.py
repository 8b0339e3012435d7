"""The supervisor's desk: a local web application over a workspace.

::

    queue ── moment ── verdict ──> ledger          (append-only)
      │         │
      └─────────┴── session ── who is who ──> corrections, and rules run again

Pages are made by `app` out of what `desk` and `queue` give; `access` decides who comes in;
`listening` gives sound; `adding` walks new recordings in a process of its own.
"""

from pipeline.desk.server import serve

__all__ = ["serve"]
