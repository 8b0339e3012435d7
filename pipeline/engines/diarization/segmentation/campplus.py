"""Voice vectors: CAM++, from its weights file alone.

Wang, Zheng, Chen, Cheng & Chen, "CAM++: a fast and efficient network for speaker verification using
context-aware masking" (Interspeech 2023); weights of 3D-Speaker (Apache-2.0), trained on 200,000
speakers of Chinese and English at 16 kHz. The input is 80 Kaldi mel bands (25 ms every 10 ms) with
their mean removed; the output 192 numbers::

    bands (80, t)   2-D convolutions   10 x 32 rows
                    time-delay layer   halves the rate: 20 ms
                    3 dense blocks     each layer's output is masked by its context, and appended
                    mean and spread    over all frames that are given
                    linear             192

A vector is a voice print: it lives in memory while a recording is diarized, and nowhere else.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.time import SAMPLE_RATE_HZ

Matrix = NDArray[np.float32]

BANDS = 80
SIZE = 192
_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of the dense blocks."""

_CONTEXT = 100  # frames of 20 ms that share a mask, beside the mean of all
_SHORTEST = 4  # frames of 10 ms that the network's strides need


class Network:
    """The network in torch.

    Parameters
    ----------
    weights
        Tensors by name, as 3D-Speaker's checkpoint has them.
    device
        Where they are.

    Raises
    ------
    KeyError, ValueError
        A tensor is missing, or the network gives no vector of 192.
    """

    def __init__(self, weights: Mapping[str, Any], device: Any) -> None:
        import torch

        self._torch = torch
        self._device = device
        self._weights = {name: tensor.float() for name, tensor in weights.items()}
        with torch.inference_mode():
            found = self._forward(torch.zeros(1, BANDS, 100, device=device))
        if found.shape != (1, SIZE):
            msg = f"the network gives {tuple(found.shape)}, not (1, {SIZE})"
            raise ValueError(msg)

    def vectors(self, bands: Matrix) -> Matrix:
        """Vectors of length 1, shape (n, 192), of pieces of one length, shape (n, frames, 80)."""
        torch = self._torch
        centred = bands - bands.mean(axis=1, keepdims=True)
        short = _SHORTEST - centred.shape[1]
        if short > 0:
            centred = np.pad(centred, ((0, 0), (0, short), (0, 0)), mode="edge")
        with torch.inference_mode():
            batch = torch.from_numpy(centred).transpose(1, 2).to(self._device)
            found: Matrix = self._forward(batch).cpu().numpy()
        norm = np.linalg.norm(found, axis=1, keepdims=True)
        unit: Matrix = found / np.maximum(norm, np.float32(1e-6))
        return unit

    def _forward(self, bands: Any) -> Any:
        x = self._head(bands[:, None])
        x = self._normal("xvector.tdnn.nonlinear", self._time("xvector.tdnn", x, stride=2))
        for number, (layers, dilation) in enumerate(_BLOCKS, start=1):
            for layer in range(1, layers + 1):
                own = f"xvector.block{number}.tdnnd{layer}"
                x = self._torch.cat([x, self._dense(own, x, dilation)], dim=1)
            own = f"xvector.transit{number}"
            x = self._time(own, self._normal(f"{own}.nonlinear", x))
        x = self._normal("xvector.out_nonlinear", x)
        pooled = self._torch.cat([x.mean(dim=-1), x.std(dim=-1)], dim=1)[..., None]
        dense = self._time("xvector.dense", pooled)
        return self._normal("xvector.dense.nonlinear", dense, rectified=False)[..., 0]

    def _head(self, x: Any) -> Any:
        """Two-dimensional convolutions: (n, 1, 80, t) to (n, 320, t)."""
        relu = self._torch.relu
        x = relu(self._batch_norm("head.bn1", self._plane("head.conv1", x)))
        for layer in ("head.layer1", "head.layer2"):
            for block, stride in ((f"{layer}.0", 2), (f"{layer}.1", 1)):
                through = self._plane(f"{block}.conv1", x, stride)
                through = relu(self._batch_norm(f"{block}.bn1", through))
                through = self._plane(f"{block}.conv2", through)
                through = self._batch_norm(f"{block}.bn2", through)
                if f"{block}.shortcut.0.weight" in self._weights:
                    x = self._plane(f"{block}.shortcut.0", x, stride)
                    x = self._batch_norm(f"{block}.shortcut.1", x)
                x = relu(through + x)
        x = relu(self._batch_norm("head.bn2", self._plane("head.conv2", x, 2)))
        return x.flatten(1, 2)

    def _dense(self, own: str, x: Any, dilation: int) -> Any:
        """A layer of a dense block; its mask comes from all frames and from 2 s around."""
        functional = self._torch.nn.functional
        weights = self._weights
        x = self._normal(f"{own}.nonlinear1", x)
        x = functional.conv1d(x, weights[f"{own}.linear1.weight"])
        x = self._normal(f"{own}.nonlinear2", x)
        near = functional.avg_pool1d(x, _CONTEXT, _CONTEXT, ceil_mode=True)
        near = near.repeat_interleave(_CONTEXT, dim=-1)[..., : x.shape[-1]]
        context = x.mean(dim=-1, keepdim=True) + near
        own = f"{own}.cam_layer"
        for part, squash in (("linear1", self._torch.relu), ("linear2", self._torch.sigmoid)):
            at = f"{own}.{part}"
            context = squash(
                functional.conv1d(context, weights[f"{at}.weight"], weights[f"{at}.bias"])
            )
        local = weights[f"{own}.linear_local.weight"]
        return functional.conv1d(x, local, padding=dilation, dilation=dilation) * context

    def _plane(self, own: str, x: Any, stride: int = 1) -> Any:
        """Convolution over bands and time; `stride` is over bands."""
        weight = self._weights[f"{own}.weight"]
        return self._torch.nn.functional.conv2d(
            x, weight, stride=(stride, 1), padding=weight.shape[-1] // 2
        )

    def _time(self, own: str, x: Any, stride: int = 1) -> Any:
        """Convolution over time."""
        weight = self._weights[f"{own}.linear.weight"]
        return self._torch.nn.functional.conv1d(
            x, weight, stride=stride, padding=weight.shape[-1] // 2
        )

    def _normal(self, own: str, x: Any, *, rectified: bool = True) -> Any:
        x = self._batch_norm(f"{own}.batchnorm", x)
        return self._torch.relu(x) if rectified else x

    def _batch_norm(self, own: str, x: Any) -> Any:
        weights = self._weights
        return self._torch.nn.functional.batch_norm(
            x,
            weights[f"{own}.running_mean"],
            weights[f"{own}.running_var"],
            weights.get(f"{own}.weight"),
            weights.get(f"{own}.bias"),
        )


def bands(samples: Matrix) -> Matrix:
    """Logarithmic mel bands as Kaldi has them, shape (frames, 80), 25 ms every 10 ms."""
    import torch
    from torchaudio.compliance import kaldi

    found: Matrix = kaldi.fbank(
        torch.from_numpy(np.ascontiguousarray(samples))[None],
        num_mel_bins=BANDS,
        sample_frequency=SAMPLE_RATE_HZ,
        dither=0.0,
    ).numpy()
    return found
