import shutil
from importlib import metadata
from pathlib import Path

import librosa
import numpy as np
import polars as pl
import pytest

from pipeline import config
from pipeline.audio.samples import Audio
from pipeline.core.errors import EngineError
from pipeline.core.tables import ACTIVITY, SPANS, Metadata, Recording
from pipeline.engines.diarization.clustering import ClusteringDiarizer, mixtures, partition, voices
from pipeline.evaluation.errors.diarization import confusion, heard, referenced, spans, truth
from pipeline.evaluation.material import composed
from pipeline.evaluation.material.composed import Scene

SETTINGS = config.load()


def recording(speakers: int | None = None) -> Recording:
    return Recording("0" * 64, 60_000, 16_000, 1, Metadata(speakers=speakers))


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        return voices.weights_path(SETTINGS)
    except EngineError:
        pytest.skip("no GE2E weights on this machine")


@pytest.mark.parametrize("samples", [1, 399, 400, 16_000, 20_001])
def test_mel_is_that_of_librosa(samples: int) -> None:
    wave = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    wanted = librosa.feature.melspectrogram(
        y=np.pad(wave, 200), sr=16_000, n_fft=400, hop_length=160, n_mels=40, center=False
    ).T
    found = voices.mel(wave)
    assert found.shape == (samples // 160 + 1, 40)
    assert np.allclose(found, wanted, rtol=1e-3, atol=1e-5)


def test_vectors_tell_voices_apart(weights: Path, shared_data: Path) -> None:
    network = voices.Voices(weights, 2)
    pieces = [
        wave[16_000:48_000]
        for speaker in ("2033", "3080")
        for wave in composed.utterances(shared_data / "read_speech", speaker)[:5]
    ]
    found = network.vectors([lambda piece=piece: piece for piece in pieces])  # type: ignore[misc]
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    alike = found @ found.T
    same = [alike[:5, :5][np.triu_indices(5, 1)].min(), alike[5:, 5:][np.triu_indices(5, 1)].min()]
    assert min(same) > alike[:5, 5:].max()


def test_other_weights_are_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "ge2e").mkdir()
    copy = tmp_path / "ge2e" / "pretrained.pt"
    shutil.copy(weights, copy)
    own = config.load(overrides={"models_folder": str(tmp_path)})
    assert voices.weights_path(own) == copy
    assert ClusteringDiarizer(own).identity()["ge2e"]
    with copy.open("ab") as file:
        file.write(b"x")
    with pytest.raises(EngineError, match="tether models fetch ge2e"):
        ClusteringDiarizer(own).identity()


def test_missing_weights_say_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "files", absent)
    own = config.load(overrides={"models_folder": str(tmp_path)})
    with pytest.raises(EngineError, match="tether models fetch ge2e"):
        ClusteringDiarizer(own).identity()


def test_the_tightest_partition_is_found_whatever_the_order() -> None:
    random = np.random.default_rng(1)
    vectors = np.concatenate([random.normal(0, 1, (30, 8)), random.normal(6, 1, (10, 8))]).astype(
        np.float32
    )
    weights = np.ones(40, np.float32)
    for order in (np.arange(40), random.permutation(40)):
        labels = partition.tightest(vectors[order], weights, 2, 5, 0)
        assert labels[0] == 0
        assert len(set(labels[order < 30].tolist())) == 1
        assert len(set(labels[order >= 30].tolist())) == 1
        assert partition.silhouette(vectors[order], weights, labels) > 0.8


def test_silhouette_of_one_cloud_is_low() -> None:
    vectors = np.random.default_rng(1).normal(0, 1, (80, 64)).astype(np.float32)
    weights = np.ones(80, np.float32)
    labels = partition.tightest(vectors, weights, 2, 5, 0)
    assert partition.silhouette(vectors, weights, labels) < 0.1


def test_best_path_is_the_best_of_all_paths() -> None:
    random = np.random.default_rng(3)
    for k in (2, 3):
        scores = random.normal(0, 2, (6, k))
        switch = random.uniform(0, 3, 6)
        every = np.stack(np.meshgrid(*[np.arange(k)] * 6, indexing="ij"), -1).reshape(-1, 6)
        totals = scores[np.arange(6), every].sum(1) - ((np.diff(every) != 0) * switch[1:]).sum(1)
        score, path = mixtures.best_path(scores, switch)
        assert score == pytest.approx(totals.max())
        assert (path == every[totals.argmax()]).all()


def test_a_mixture_is_a_density() -> None:
    random = np.random.default_rng(0)
    frames = np.concatenate([random.normal(-3, 0.5, 500), random.normal(2, 1, 1500)])
    mixture = mixtures.train(frames[:, None].astype(np.float32), 2, 30, 0)
    grid = np.linspace(-12, 12, 4001, dtype=np.float32)
    density = np.exp(mixture.likelihood(grid[:, None]))
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=0.01)
    assert sorted(mixture.means[:, 0]) == pytest.approx([-3, 2], abs=0.3)


@pytest.mark.slow
def test_a_real_call_on_one_microphone(weights: Path, shared_data: Path) -> None:  # noqa: ARG001
    call = referenced(shared_data / "calls" / "call_a.flac")
    mixed = call.audio.mixed(0, call.audio.n_samples)
    found = ClusteringDiarizer(SETTINGS).diarize(
        Audio([mixed]), heard(mixed, SETTINGS), recording()
    )
    assert confusion(call.spans, spans(found.spans), call.audio.duration_ms) <= 0.03
    assert found.margin is not None
    assert found.margin > 0.5
    assert not found.knows_overlap
    assert found.spans["channel"].null_count() == found.spans.height
    assert found.spans["speaker"][0] == "speaker 1"
    assert SPANS.conform(found.spans).equals(found.spans)


@pytest.mark.slow
def test_two_voices_and_one(weights: Path, shared_data: Path) -> None:  # noqa: ARG001
    scene = Scene(noise_db=-40, crosstalk_db=None)
    talk = composed.compose(shared_data / "read_speech", ("2033", "2609"), 5, scene)
    engine = ClusteringDiarizer(SETTINGS)
    both = np.asarray(talk.channels.mean(axis=0), np.float32)
    table = heard(both, SETTINGS)
    found = engine.diarize(Audio([both]), table, recording())
    assert confusion(truth(talk.speech), spans(found.spans), talk.duration_ms) <= 0.03
    assert engine.diarize(Audio([both]), table, recording()).spans.equals(found.spans)
    alone = talk.channels[0]
    single = engine.diarize(Audio([alone]), heard(alone, SETTINGS), recording())
    assert found.margin is not None
    assert single.margin is not None
    assert found.margin > 0.6
    assert single.margin < 0.2
    # Speech is only divided, never lost.
    for result, activity_table in ((found, table), (single, heard(alone, SETTINGS))):
        length = (pl.col("end_ms") - pl.col("start_ms")).sum()
        assert result.spans.select(length).item() == activity_table.select(length).item()


def test_one_speaker_asked_for_is_one_speaker() -> None:
    table = ACTIVITY.frame(
        {"start_ms": s, "end_ms": s + 900, "channel": 0, "speech_probability": 0.9}
        for s in (0, 2000)
    )
    audio = Audio([np.zeros(64_000, np.float32)])
    found = ClusteringDiarizer(SETTINGS).diarize(audio, table, recording(speakers=1))
    assert spans(found.spans) == [(0, 900, "speaker 1"), (2000, 2900, "speaker 1")]
    assert found.margin is None


def test_no_speech_is_nobody() -> None:
    audio = Audio([np.zeros(16_000, np.float32)])
    found = ClusteringDiarizer(SETTINGS).diarize(audio, ACTIVITY.empty(), recording())
    assert found.spans.is_empty()


def test_needs_audio() -> None:
    with pytest.raises(EngineError, match="imported"):
        ClusteringDiarizer(SETTINGS).diarize(None, ACTIVITY.empty(), recording())
