"""Voice vectors: the GE2E network of Resemblyzer, from its weights file alone.

Wan, Wang, Papir & Lopez Moreno, "Generalized end-to-end loss for speaker verification" (ICASSP
2018); weights by Resemblyzer 0.1.4 (Apache-2.0): three LSTM layers of 256 on 40 mel bands, the last
state through a linear layer and a rectifier to 256 numbers of length 1. The package itself is never
imported: it needs a compiler to install and modules that newer setuptools lack.

A vector is a voice print: it lives in memory while a recording is diarized, and nowhere else.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.samples import Samples
from pipeline.config import Settings
from pipeline.core.errors import EngineError
from pipeline.core.time import SAMPLE_RATE_HZ
from pipeline.engines import models
from pipeline.engines.models.known import GE2E_FILE, GE2E_SHA256

Matrix = NDArray[np.float32]

FFT = 400  # 25 ms; with the hop of 10 ms and 40 bands what the network was trained on
HOP = 160
BANDS = 40
SIZE = 256
_LAYERS = 3
_BATCH = 64
_LEVEL_DBFS = -30  # the network was trained on speech raised to this level
_HINT = "tether models fetch ge2e"


@cache
def _filters() -> tuple[Matrix, Matrix]:
    """Hann window (400,) and mel filters (40, 201), as librosa's defaults have them."""
    from librosa.filters import get_window
    from librosa.filters import mel as bank

    window = get_window("hann", FFT, fftbins=True).astype(np.float32)
    return window, bank(sr=SAMPLE_RATE_HZ, n_fft=FFT, n_mels=BANDS)


def mel(samples: Samples) -> Matrix:
    """Mel power spectrum, shape ``(n // 160 + 1, 40)``: 25 ms around every 10 ms, zeros outside.

    The same as librosa's ``melspectrogram`` with n_fft 400, hop_length 160, n_mels 40, transposed.
    """
    window, bank = _filters()
    padded = np.pad(samples, FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32) ** 2
    found: Matrix = power @ bank.T
    return found


def weights_path(settings: Settings) -> Path:
    """The weights file: ``ge2e/pretrained.pt`` of the models folder, or in an installed package.

    Raises
    ------
    EngineError
        It is in neither place.
    """
    candidates = [models.folder(settings) / "ge2e" / GE2E_FILE]
    try:
        files = metadata.files("Resemblyzer") or []
    except metadata.PackageNotFoundError:
        files = []
    candidates += [Path(str(f.locate())) for f in files if f.name == GE2E_FILE]
    for path in candidates:
        if path.is_file():
            return path
    raise EngineError(
        "the voice network's weights are missing", expected="model 'ge2e'", hint=_HINT
    )


def torch_version() -> str:
    """Version of torch, without importing it.

    Raises
    ------
    EngineError
        It is not installed.
    """
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        raise EngineError("torch is missing", hint="pip install 'torch==2.11.*'") from None


def digest(path: Path) -> str:
    """SHA-256 of the weights.

    Raises
    ------
    EngineError
        They are not the ones that this program was measured with.
    """
    found = sha256(path.read_bytes()).hexdigest()
    if found != GE2E_SHA256:
        raise EngineError(
            "the voice network's weights are not those of Resemblyzer 0.1.4",
            expected=f"SHA-256 {GE2E_SHA256[:12]}...",
            hint=_HINT,
        )
    return found


class Voices:
    """The network, loaded.

    Raises
    ------
    EngineError
        torch is missing, or the weights are others than expected.
    """

    def __init__(self, path: Path, threads: int) -> None:
        torch_version()
        digest(path)
        try:
            import torch

            kept = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
            lstm = torch.nn.LSTM(BANDS, SIZE, _LAYERS, batch_first=True)
            linear = torch.nn.Linear(SIZE, SIZE)
            lstm.load_state_dict(_part(kept, "lstm."))
            linear.load_state_dict(_part(kept, "linear."))
        except Exception as caught:
            raise EngineError("the voice network does not load", hint=_HINT) from caught
        self._torch = torch
        self._threads = threads
        self._lstm = lstm.eval()
        self._linear = linear.eval()

    def vectors(self, pieces: Sequence[Callable[[], Samples]]) -> Matrix:
        """One vector of length 1 for each piece of speech, shape (n, 256).

        Each thread takes a batch of its own: an LSTM is a chain of small products, and sharing
        out each of them costs more than it gains (measured: 17x real time against 140x).

        Parameters
        ----------
        pieces
            Each gives its samples when it is its turn.

        Raises
        ------
        EngineError
            torch failed.
        """
        torch = self._torch
        batches = [pieces[at : at + _BATCH] for at in range(0, len(pieces), _BATCH)]
        before = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(self._threads, "voices", torch.set_num_threads, (1,)) as pool:
                found = np.concatenate(list(pool.map(self._batch, batches)))
        except Exception as caught:
            raise EngineError("the voice network failed on this recording") from caught
        finally:
            torch.set_num_threads(before)
        norm = np.linalg.norm(found, axis=1, keepdims=True)
        unit: Matrix = found / np.maximum(norm, np.float32(1e-6))
        return unit

    def _batch(self, pieces: Sequence[Callable[[], Samples]]) -> Matrix:
        torch = self._torch
        spectra = [torch.from_numpy(mel(_raised(piece()))) for piece in pieces]
        packed = torch.nn.utils.rnn.pack_sequence(spectra, enforce_sorted=False)
        with torch.no_grad():
            _, (state, _) = self._lstm(packed)
            found: Matrix = torch.relu(self._linear(state[-1])).numpy()
        return found


def _part(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }


def _raised(samples: Samples) -> Samples:
    """`samples` at -30 dBFS, if they are weaker."""
    power = float(np.mean(samples.astype(np.float64) ** 2))
    gain = 10 ** (_LEVEL_DBFS / 20) / np.sqrt(max(power, 1e-12))
    return samples * np.float32(max(gain, 1.0))
