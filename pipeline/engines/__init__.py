"""Engines: one file each, their libraries imported only when one is used.

Importing any of them first closes hubs and telemetry for the process: some libraries read their
switch as they are loaded, and ONNX Runtime reports to its maker unless it is switched off.
"""

from pipeline.core.registry import engine
from pipeline.engines import models

__all__ = ["engine"]

models.offline()
