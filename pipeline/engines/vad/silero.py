"""Speech detector `silero`: the network in faster-whisper, run block by block.

The network looks at 32 ms (and the 4 ms before) and hands its memory to the next block; its weights
lie inside the wheel of faster-whisper, so nothing is fetched.
"""

from functools import cached_property
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio.samples import Samples
from pipeline.config import Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.engines.protocols import Identity

_BLOCK = 512
_CONTEXT = 64
_STATE = (1, 1, 128)
_BLOCKS_PER_CALL = 4096  # 131 s of audio: 9 MB a call, however long the recording


@engine("speech detector", "silero")
class Silero:
    """Speech probability of each 32 ms, by the bundled ``silero_vad_v6.onnx``.

    Parameters
    ----------
    settings
        Not used: every network of this kind is the same.

    Notes
    -----
    A call uses one thread, for the network is a chain of small products: two threads took twice the
    processor time and no less of the clock. Calls may run side by side.
    """

    block_ms = 32

    def __init__(self, settings: Settings) -> None:
        """Loads nothing."""

    def identity(self) -> Identity:
        """Version of faster-whisper and digest of the network.

        Raises
        ------
        EngineError
            The package or its network is missing.
        """
        path = _network()
        return {
            "engine": "silero",
            "faster-whisper": version("faster-whisper"),
            "network": sha256(path.read_bytes()).hexdigest(),
        }

    def probabilities(self, samples: Samples) -> Samples:
        """Speech probability, 0-1, shape ``(ceil(n / 512),)``, of consecutive blocks of 32 ms.

        Parameters
        ----------
        samples
            Shape (n,), 16 kHz; may be memory-mapped. The last block is filled up with zeros.

        Raises
        ------
        EngineError
            The network is missing or failed.
        """
        n_blocks = -(-len(samples) // _BLOCK)
        found = np.empty(n_blocks, dtype=np.float32)
        memory = np.zeros(_STATE, dtype=np.float32)
        cell = np.zeros(_STATE, dtype=np.float32)
        for first in range(0, n_blocks, _BLOCKS_PER_CALL):
            count = min(_BLOCKS_PER_CALL, n_blocks - first)
            blocks = _blocks(samples, first, count)
            try:
                out, memory, cell = self._session.run(
                    None, {"input": blocks, "h": memory, "c": cell}
                )
            except Exception as caught:
                raise EngineError("the speech detector failed on this recording") from caught
            found[first : first + count] = out.reshape(-1)
        return found

    @cached_property
    def _session(self) -> Any:
        path = _network()
        try:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            options.log_severity_level = 4
            return onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as caught:
            raise EngineError(
                "the speech detector does not load",
                hint="pip install --force-reinstall onnxruntime faster-whisper",
            ) from caught


def _blocks(samples: Samples, first: int, count: int) -> Samples:
    """Blocks with the 64 samples before each, shape (count, 576)."""
    start = first * _BLOCK - _CONTEXT
    end = (first + count) * _BLOCK
    piece = np.asarray(samples[max(start, 0) : end], dtype=np.float32)
    missing = end - start - max(-start, 0) - len(piece)
    padded = np.pad(piece, (max(-start, 0), missing))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK + _CONTEXT)
    return np.ascontiguousarray(windows[::_BLOCK])


def _network() -> Path:
    """Where the wheel put the network, without importing the package.

    Raises
    ------
    EngineError
        No such package or file.
    """
    spec = find_spec("faster_whisper")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / "assets" / "silero_vad_v6.onnx"
        if path.is_file():
            try:
                version("faster-whisper")
            except PackageNotFoundError:
                break
            return path
    raise EngineError(
        "the speech detector's network is missing",
        expected="silero_vad_v6.onnx in the package faster-whisper",
        hint="pip install 'faster-whisper>=1.2,<2'",
    )
