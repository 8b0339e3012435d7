import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sentence_vectors import encoder

from pipeline import config
from pipeline.core.errors import EngineError
from pipeline.engines import models
from pipeline.engines.reading.minilm import SIZE, MiniLmEncoder

TEXTS = ["You never listen to me.", "The weather is nice today.", "I feel unheard in here."]


def test_without_the_model_it_says_what_to_type(tmp_path: Path) -> None:
    settings = config.load("default", {"models_folder": str(tmp_path)})
    with pytest.raises(EngineError, match="tether models fetch minilm"):
        MiniLmEncoder(settings).identity()
    with pytest.raises(EngineError, match="tether models fetch minilm"):
        MiniLmEncoder(settings).encode(["a"])


def test_identity_names_what_vectors_depend_on() -> None:
    identity = encoder().identity()
    assert {"torch", "tokenizers", "safetensors", "model"} < identity.keys()
    assert len(identity["model"]) == 64


def test_vectors_have_length_1_and_do_not_depend_on_their_company() -> None:
    texts = [*TEXTS, "", "word " * 400]
    found = encoder().encode(texts)
    assert found.shape == (5, SIZE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    for number, text in enumerate(texts):
        np.testing.assert_allclose(encoder().encode([text])[0], found[number], atol=1e-5)
    assert encoder().encode([]).shape == (0, SIZE)


def test_it_reads_no_further_than_it_was_trained() -> None:
    short, long = encoder().encode(["word " * 254, "word " * 254 + "You never listen to me."])
    np.testing.assert_allclose(short, long, atol=1e-5)


def test_cosines_are_those_of_the_published_model() -> None:
    """As `transformers` 5.24 gave them."""
    found = encoder().encode(TEXTS)
    expected = [[1, 0.0542, 0.3194], [0.0542, 1, 0.1671], [0.3194, 0.1671, 1]]
    np.testing.assert_allclose(found @ found.T, expected, atol=1e-3)


@pytest.mark.slow
def test_vectors_are_those_of_transformers() -> None:
    own = encoder()
    try:
        import torch  # noqa: PLC0415  # only where it is asked
        from safetensors.torch import load_file  # noqa: PLC0415
        from transformers import BertConfig, BertModel  # noqa: PLC0415
    except (ImportError, OSError) as caught:
        pytest.skip(f"transformers cannot be imported here: {type(caught).__name__}")
    shape = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12}
    theirs = BertModel(BertConfig(**shape, intermediate_size=1536)).eval()
    model = models.find("minilm", config.load())
    theirs.load_state_dict(load_file(model.folder / "model.safetensors"), strict=False)
    with torch.inference_mode():
        for text, vector in zip(TEXTS, own.encode(TEXTS), strict=True):
            tokens = torch.tensor([own._network.tokenizer.encode(text).ids])
            mean = theirs(tokens).last_hidden_state.mean(1)[0].numpy()
            np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_a_broken_model_is_an_engine_error(tmp_path: Path) -> None:
    encoder()
    settings = config.load("default", {"models_folder": str(tmp_path)})
    place = tmp_path / "minilm"
    shutil.copytree(models.find("minilm", config.load()).folder, place)
    weights = place / "model.safetensors"
    weights.write_bytes(b"\0" * weights.stat().st_size)
    with pytest.raises(EngineError, match="does not load"):
        MiniLmEncoder(settings).encode(["a"])


@pytest.mark.slow
def test_it_needs_no_network() -> None:
    encoder()
    cut_off = ["unshare", "-n"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*cut_off, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("the network cannot be cut off here (unshare -n)")
    program = (
        "import sys\n"
        "from pipeline import config\n"
        "from pipeline.engines.reading.minilm import MiniLmEncoder\n"
        "print(MiniLmEncoder(config.load()).encode(['Nobody is there.']).shape)\n"
        "assert 'transformers' not in sys.modules\n"
    )
    done = subprocess.run(
        [*cut_off, sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"(1, {SIZE})"
