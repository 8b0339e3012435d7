"""Voice encoder `ge2e`: the network of the diarizer `clustering`, used for single voices."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.samples import Samples
from pipeline.config import Settings
from pipeline.core.registry import engine
from pipeline.engines.diarization.clustering import voices
from pipeline.engines.protocols import Identity


@engine("voice encoder", "ge2e")
class Ge2e:
    """Voice vectors of pieces of speech.

    Parameters
    ----------
    settings
        Uses `engines.threads` and `models_folder`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._network: voices.Voices | None = None

    def identity(self) -> Identity:
        """Version of torch and digest of the network.

        Raises
        ------
        EngineError
            torch is missing; the weights are missing, or others than expected.
        """
        torch = voices.torch_version()
        path = voices.weights_path(self._settings)
        return {"engine": "ge2e", "torch": torch, "model": voices.digest(path)}

    def vectors(self, pieces: Sequence[Callable[[], Samples]]) -> NDArray[np.float32]:
        """One vector of length 1 for each piece, shape (n, 256).

        Raises
        ------
        EngineError
            The network is missing or failed.
        """
        if self._network is None:
            path = voices.weights_path(self._settings)
            self._network = voices.Voices(path, self._settings.engines.threads)
        return self._network.vectors(pieces)
