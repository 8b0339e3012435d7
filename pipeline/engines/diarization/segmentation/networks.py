"""Both networks of the model `pyannote-parts`, loaded: segmentation, and voice vectors.

They are read as data, and only if they are the published files (see `engines.models.checkpoints`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import EngineError
from pipeline.engines import models
from pipeline.engines.diarization.segmentation import campplus
from pipeline.engines.diarization.segmentation.windows import Network
from pipeline.engines.models import checkpoints, download
from pipeline.engines.models.known import CAMPPLUS_FILE, KNOWN, SEGMENTATION_FILE

Matrix = NDArray[np.float32]

KIND: models.Kind = "pyannote-parts"


@dataclass(frozen=True)
class Networks:
    """What diarizes."""

    segmentation: Network
    voices: campplus.Network


def load(folder: Path, device: str, threads: int) -> Networks:
    """Both networks on a device.

    Parameters
    ----------
    device
        "auto", "cpu" or "cuda".

    Raises
    ------
    EngineError
        A file is not the published one, or the libraries failed.
    """
    download.check(KIND, KNOWN[KIND], folder)
    models.offline()
    try:
        torch, library = checkpoints.libraries()
        torch.set_num_threads(threads)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        place = torch.device(device)
        with checkpoints.known_classes():
            model = library.Model.from_pretrained(folder / SEGMENTATION_FILE).eval().to(place)
        weights = torch.load(folder / CAMPPLUS_FILE, map_location=place, weights_only=True)
        return Networks(_segmentation(model, place), campplus.Network(weights, place))
    except Exception as caught:
        raise EngineError(
            f"the model '{folder.name}' cannot be loaded: {type(caught).__name__}",
            hint="tether models verify",
        ) from caught


def _segmentation(model: Any, device: Any) -> Network:
    import torch

    def classes(batch: Matrix) -> Matrix:
        with torch.inference_mode():
            found: Matrix = model(torch.from_numpy(batch)[:, None].to(device)).cpu().numpy()
        return found

    return classes


def vectors(network: campplus.Network, pieces: Sequence[Matrix], at_once: int) -> Matrix:
    """A vector of length 1 for each piece of speech, shape (n, 192).

    Pieces of like length make a batch; the shorter ones are repeated up to the longest.

    Parameters
    ----------
    pieces
        Mel bands of each, shape (frames, 80).
    """
    found = np.empty((len(pieces), campplus.SIZE), np.float32)
    order = np.argsort([len(piece) for piece in pieces], kind="stable")
    for first in range(0, len(order), at_once):
        some = order[first : first + at_once]
        longest = len(pieces[some[-1]])
        repeated = [pieces[i][np.arange(longest) % len(pieces[i])] for i in some]
        found[some] = network.vectors(np.stack(repeated))
    return found
