"""Small models in their libraries' real formats, made on the spot: nothing is downloaded.

The Whisper *speaks*: its weights are random but for the positions of the decoder, each of which
asks for the next word of a given text. So a test knows which words must come out, whatever the
sound, through the real converter, the real loader and the real decoder.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LANGUAGES = ("en", "de", "fr")
_WIDTH = 64
_MULTILINGUAL_VOCABULARY = 51_865
_TIMESTAMPS = 1501


def whisper(place: Path, text: str = "", *, multilingual: bool = False) -> Path:
    """A Whisper for CTranslate2 in the folder `place`.

    Parameters
    ----------
    text
        What it says in every window, one token a word; empty: random tokens without end.
    """
    import ctranslate2  # noqa: PLC0415 - only the tests of one engine need it
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    source = place.parent / f"{place.name}-transformers"
    words = [f" {word}" for word in text.split()]
    tokenizer = _tokenizer(words, multilingual=multilingual)
    ids = tokenizer.convert_tokens_to_ids
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        vocab_size=len(tokenizer) + _TIMESTAMPS,
        d_model=_WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=_WIDTH,
        decoder_ffn_dim=_WIDTH,
        decoder_start_token_id=ids("<|startoftranscript|>"),
        pad_token_id=ids("<|endoftext|>"),
        bos_token_id=ids("<|endoftext|>"),
        eos_token_id=ids("<|endoftext|>"),
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    model = transformers.WhisperForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        suppress_tokens=[], begin_suppress_tokens=[ids("<|endoftext|>")], alignment_heads=[[0, 0]]
    )
    if multilingual:
        model.generation_config.lang_to_id = {f"<|{n}|>": ids(f"<|{n}|>") for n in _LANGUAGES}
    if words:
        # start of transcript (language, task), then a time token, then the first word
        first = 4 if multilingual else 2
        _teach(model, [ids(_token(word)) for word in words], ids("<|endoftext|>"), first)
    model.save_pretrained(source)
    tokenizer.save_pretrained(source)
    converter = ctranslate2.converters.TransformersConverter(
        str(source), copy_files=["tokenizer.json"]
    )
    converter.convert(str(place))
    return place


def _teach(model: Any, said: Sequence[int], stop: int, first: int) -> None:
    """Let the decoder's position `first - 1 + n` ask for token n of `said`, then for `stop`."""
    import torch  # noqa: PLC0415

    with torch.no_grad():
        decoder = model.model.decoder
        tokens = decoder.embed_tokens.weight
        tokens.copy_(4 * torch.nn.functional.normalize(torch.randn_like(tokens), dim=1))
        positions = decoder.embed_positions.weight
        positions.zero_()
        for at, token in enumerate([*said, stop], start=first - 1):
            positions[at] = 20 * tokens[token]
        positions[first + len(said) :] = 20 * tokens[stop]


def _token(word: str) -> str:
    return word.replace(" ", "\u0120")  # how byte-level vocabularies write a space


def _tokenizer(words: Sequence[str], *, multilingual: bool) -> Any:
    import tokenizers  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    plain = list(dict.fromkeys([*alphabet, *(_token(word) for word in words)]))
    special = ["<|endoftext|>", "<|startoftranscript|>"]
    special += [f"<|{name}|>" for name in _LANGUAGES]
    special += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    special += ["<|nocaptions|>", "<|notimestamps|>"]
    if multilingual:
        missing = _MULTILINGUAL_VOCABULARY - _TIMESTAMPS - len(special) - len(plain)
        # CTranslate2 tells a multilingual Whisper from the empty token in its vocabulary.
        plain += ["", *(f"\u0120filler{number}" for number in range(1, missing))]
    inner = tokenizers.Tokenizer(
        tokenizers.models.BPE({token: number for number, token in enumerate(plain)}, [])
    )
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    inner.add_special_tokens(special)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, **dict.fromkeys(("eos_token", "bos_token"), special[0])
    )


def steps(seconds: float) -> Any:
    """Noise whose loudness changes every second, float32 at 16 kHz."""
    import numpy as np  # noqa: PLC0415

    noise = np.random.default_rng(0).standard_normal(round(seconds * 16_000))
    loudness = np.resize([0.3, 0.003, 0.1, 0.01], len(noise) // 16_000 + 1)
    return (noise * np.repeat(loudness, 16_000)[: len(noise)]).astype(np.float32)


def pyannote(place: Path, *, parts: str = "$model/") -> Path:
    """A pyannote pipeline in the folder `place`: random networks, agglomerative clustering.

    The segmentation's last layer is levelled on the sound of `steps`, so that random weights find
    one voice, another, both at once and none in turn there.
    """
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415
    from pyannote.audio.core.task import Problem, Resolution, Specifications  # noqa: PLC0415
    from pyannote.audio.models.embedding import WeSpeakerResNet34  # noqa: PLC0415
    from pyannote.audio.models.segmentation import PyanNet  # noqa: PLC0415

    torch.manual_seed(0)
    segmentation = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 8, "num_layers": 1, "bidirectional": True},
        linear={"hidden_size": 8, "num_layers": 1},
    )
    segmentation.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=5.0,
        classes=["speaker#1", "speaker#2"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    segmentation.build()
    embedding = WeSpeakerResNet34()
    embedding.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0
    )
    with torch.no_grad():
        segmentation.eval()
        segmentation.classifier.weight.mul_(20)
        odds = segmentation(torch.from_numpy(steps(5.0))[None, None])
        segmentation.classifier.bias.sub_(odds.mean(dim=(0, 1)))
    for name, model in (("segmentation", segmentation), ("embedding", embedding)):
        (place / name).mkdir(parents=True)
        _save_lightning(model, place / name / "pytorch_model.bin")
    (place / "plda").mkdir()
    one = np.eye(256)
    np.savez(place / "plda" / "xvec_transform.npz", mean1=one[0], mean2=one[0], lda=one)
    np.savez(place / "plda" / "plda.npz", mu=one[0], tr=one, psi=np.ones(256))
    (place / "config.yaml").write_text(
        "dependencies: {pyannote.audio: 4.0.0}\n"
        "pipeline:\n"
        "  name: pyannote.audio.pipelines.SpeakerDiarization\n"
        "  params:\n"
        "    clustering: AgglomerativeClustering\n"
        f"    segmentation: {parts}segmentation\n"
        f"    embedding: {parts}embedding\n"
        f"    plda: {parts}plda\n"
        "    embedding_batch_size: 8\n"
        "    segmentation_batch_size: 8\n"
        "params:\n"
        "  clustering: {method: centroid, min_cluster_size: 1, threshold: 0.7}\n"
        "  segmentation: {min_duration_off: 0.0}\n"
    )
    return place


def _save_lightning(model: Any, path: Path) -> None:
    """A checkpoint as Lightning writes it."""
    import lightning  # noqa: PLC0415
    import torch  # noqa: PLC0415

    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": lightning.__version__,
        "epoch": 0,
        "global_step": 0,
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
