"""The supervisor's desk: a local web application over a workspace.

::

    queue ── moment ── decision ──> ledger          (append-only)
      │         │
      └─────────┴── session ── who is who ──> corrections, and the rules run again

`app` renders pages from what `desk`, `queue` and `caseload` provide. `access` decides who comes in,
`audio_stream` serves audio, and `ingest` processes new recordings in a separate process.
"""

from pipeline.desk.server import serve

__all__ = ["serve"]
