import shutil
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline import config
from pipeline.audio.samples import Audio
from pipeline.core.errors import EngineError
from pipeline.core.tables import ACTIVITY, SPANS, Metadata, Recording
from pipeline.engines import models
from pipeline.engines.diarization.segmentation import (
    SegmentationDiarizer,
    campplus,
    joining,
    networks,
    windows,
)
from pipeline.engines.diarization.segmentation.joining import Joining, Voices
from pipeline.engines.diarization.segmentation.settings import Segmentation
from pipeline.evaluation.errors.diarization import confusion, heard, truth
from pipeline.evaluation.material import composed
from pipeline.evaluation.material.composed import Scene

SETTINGS = config.load()
OWN = SETTINGS.section(Segmentation)


def recording(speakers: int | None = None) -> Recording:
    return Recording("0" * 64, 60_000, 16_000, 1, Metadata(speakers=speakers))


@pytest.fixture(scope="module")
def model() -> models.Model:
    try:
        return models.find(networks.KIND, SETTINGS)
    except EngineError:
        pytest.skip("no model 'pyannote-parts' on this machine")


@pytest.fixture(scope="module")
def loaded(model: models.Model) -> networks.Networks:
    return networks.load(model.folder, "cpu", 2)


def scripted(classes: list[int]) -> windows.Network:
    """A network that hears the same in each window: ten classes, a second each."""

    def network(batch: np.ndarray) -> np.ndarray:
        found = np.full((len(batch), 589, 7), -9.0, np.float32)
        for output in range(589):
            found[:, output, classes[min(output * 10 // 589, 9)]] = 0
        return found

    return network


def test_windows_are_laid_over_the_recording() -> None:
    audio = Audio([np.zeros(10 * 16_000, np.float32)])
    found = windows.listen(audio, scripted([0, 1, 1, 4, 2, 2, 0, 0, 3, 3]), 2000, 4)
    assert found.speech.shape == found.overlap.shape == (1000,)
    assert found.alone.shape == (1, 1000, 3)
    middles = np.arange(50, 1000, 100)
    assert (found.speech[middles] > 0.9).tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 1, 1]
    assert (found.overlap[middles] > 0.9).tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert (found.alone[0, middles].argmax(axis=1)[[1, 4, 8]] == [0, 1, 2]).all()
    # An edge lies where the output whose field is centred nearest has it.
    assert abs(int(np.flatnonzero(found.overlap > 0.5)[0]) - 300) <= 2


@pytest.mark.parametrize("seconds", [0.001, 9.999, 10.001, 12.0, 13.7])
def test_windows_cover_recordings_of_any_length(seconds: float) -> None:
    audio = Audio([np.zeros(max(1, int(seconds * 16_000)), np.float32)])
    found = windows.listen(audio, scripted([1] * 10), 2000, 4)
    assert len(found.speech) == -(-audio.n_samples // 160)
    assert (found.speech > 0.99).all()


def test_links_say_whether_a_block_is_of_the_speaker_before() -> None:
    audio = Audio([np.zeros(10 * 16_000, np.float32)])
    found = windows.listen(audio, scripted([1, 1, 1, 2, 2, 0, 0, 2, 1, 1]), 2000, 4)
    cut = joining.blocks(found.speech > 0.5, found, 50)
    assert (cut.lengths <= 5).all()
    changes = cut.starts[np.flatnonzero(cut.other > cut.same)]
    assert np.abs(changes[:, None] - [300, 800]).min(axis=1).max() <= 5
    assert len(changes) == 2
    pieces = joining.pieces(cut, OWN)
    assert all(OWN.piece_min_ms <= (b - a) * 10 <= OWN.piece_ms for a, b in pieces)
    assert not any(a < edge - 5 and edge + 5 < b for a, b in pieces for edge in (300, 500, 800))


def test_best_path_is_the_best_of_all_paths() -> None:
    random = np.random.default_rng(3)
    for k in (2, 3):
        scores = random.normal(0, 2, (6, k))
        cost = random.uniform(-3, 3, 6)
        switch, stay = np.maximum(cost, 0), np.maximum(-cost, 0)
        score, path = joining.best_path(scores, switch, stay)
        totals = {}
        for every in product(range(k), repeat=6):
            moves = sum(switch[t] if every[t] != every[t - 1] else stay[t] for t in range(1, 6))
            totals[every] = sum(scores[t, s] for t, s in enumerate(every)) - moves
        assert score == pytest.approx(max(totals.values()))
        assert totals[tuple(path.tolist())] == pytest.approx(score)


def _talk(terse_every: int, noise: float = 0.05) -> tuple[Joining, windows.Windows, np.ndarray]:
    """Turns of 3 s; the second speaker has every `terse_every`-th, and says one second."""
    random = np.random.default_rng(0)
    n, at, who = 24_000, 0, np.full(24_000, -1)
    turn = 0
    while at < n - 400:
        speaker = int(turn % terse_every == terse_every - 1)
        length = 100 if speaker else 300
        who[at : at + length] = speaker
        at, turn = at + length + 30, turn + 1
    alone = who >= 0
    silent = windows.Windows(
        alone.astype(np.float32), np.zeros(n, np.float32), np.zeros((1, 1000, 3), np.float16), 200
    )
    cut = joining.blocks(alone, silent, 50)
    pieces = joining.pieces(cut, OWN)
    voices = random.normal(0, 1, (2, campplus.SIZE)) / np.sqrt(campplus.SIZE)
    vectors = voices[[who[a] for a, _ in pieces]]
    vectors = vectors + random.normal(0, noise, vectors.shape)
    frames = random.normal(0, 1, (len(cut.frames), 40)) + who[cut.frames][:, None] * 0.5
    joined = Joining(
        cut, frames.astype(np.float32), Voices.of(pieces, vectors.astype(np.float32)), 2, OWN
    )
    return joined, silent, who[cut.starts]


@pytest.mark.parametrize("terse_every", [2, 12])
def test_speakers_are_told_apart_also_a_terse_one(terse_every: int) -> None:
    joined, heard_, wanted = _talk(terse_every)
    path = joined.solve(heard_)
    assert path is not None
    assert path[0] == 0
    assert (path == wanted).mean() > 0.99


def test_who_speaks_for_a_moment_only_is_no_speaker() -> None:
    joined, heard_, wanted = _talk(1000)
    path = joined.solve(heard_)
    # One voice: whatever it is divided into, nobody of less than two seconds comes of it.
    assert not wanted.any()
    assert path is None or np.bincount(path).min() * 50 >= OWN.speaker_min_ms


def test_vectors_do_not_depend_on_their_batch(loaded: networks.Networks) -> None:
    random = np.random.default_rng(0)
    pieces = [random.normal(0, 1, (length, 80)).astype(np.float32) for length in (98, 98, 198)]
    alone = [networks.vectors(loaded.voices, [piece], 1)[0] for piece in pieces]
    together = networks.vectors(loaded.voices, pieces[:2], 16)
    assert np.allclose(together, alone[:2], atol=1e-4)
    assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-4)


def test_vectors_tell_voices_apart(loaded: networks.Networks, shared_data: Path) -> None:
    pieces = [
        campplus.bands(wave[16_000:48_000])
        for speaker in ("2033", "3080")
        for wave in composed.utterances(shared_data / "read_speech", speaker)[:5]
    ]
    found = networks.vectors(loaded.voices, pieces, 16)
    alike = found @ found.T
    same = [alike[:5, :5][np.triu_indices(5, 1)].min(), alike[5:, 5:][np.triu_indices(5, 1)].min()]
    assert min(same) > alike[:5, 5:].max() + 0.1


def test_other_files_are_refused(model: models.Model, tmp_path: Path) -> None:
    copy = tmp_path / "pyannote-parts"
    shutil.copytree(model.folder, copy)
    with (copy / "voices" / "campplus_cn_en_common.pt").open("r+b") as file:
        file.write(b"x")
    with pytest.raises(EngineError, match="not the published one"):
        networks.load(copy, "cpu", 1)


def test_a_missing_model_says_what_to_type(tmp_path: Path) -> None:
    own = config.load(overrides={"models_folder": str(tmp_path)})
    with pytest.raises(EngineError, match="tether models fetch pyannote-parts"):
        SegmentationDiarizer(own).identity()


@pytest.mark.slow
def test_two_voices_that_overlap(model: models.Model, shared_data: Path) -> None:  # noqa: ARG001
    scene = Scene(noise_db=-40, crosstalk_db=None)
    talk = composed.compose(shared_data / "read_speech", ("2033", "3080"), 5, scene)
    both = np.asarray(talk.channels.mean(axis=0), np.float32)
    engine, table = SegmentationDiarizer(SETTINGS), heard(both, SETTINGS)
    found = engine.diarize(Audio([both]), table, recording())
    assert found.knows_overlap
    assert SPANS.conform(found.spans).equals(found.spans)
    assert found.spans["speaker"][0] == "speaker 1"
    regular = found.spans.filter("regular").select("start_ms", "end_ms", "speaker").rows()
    assert confusion(truth(talk.speech), regular, talk.duration_ms) <= 0.01
    # One at a time, and together the same time as the regular view.
    exclusive = found.spans.filter("exclusive").sort("start_ms")
    assert (exclusive["start_ms"][1:] >= exclusive["end_ms"][:-1]).all()
    covered = np.zeros((2, talk.duration_ms), bool)
    for view, name in enumerate(("regular", "exclusive")):
        for start, end in found.spans.filter(name).select("start_ms", "end_ms").iter_rows():
            covered[view, start:end] = True
    assert (covered[0] == covered[1]).all()
    length = (pl.col("end_ms") - pl.col("start_ms")).sum()
    shared_ms = found.spans.filter("regular").select(length).item() - covered[0].sum()
    wanted_ms = sum(
        max(0, min(b, d) - max(a, c)) for a, b in talk.speech[0] for c, d in talk.speech[1]
    )
    assert 0.4 * wanted_ms < shared_ms < 1.6 * wanted_ms


def test_one_speaker_asked_for_is_one_speaker() -> None:
    table = ACTIVITY.frame(
        {"start_ms": s, "end_ms": s + 900, "channel": 0, "speech_probability": 0.9}
        for s in (0, 2000)
    )
    audio = Audio([np.zeros(64_000, np.float32)])
    found = SegmentationDiarizer(SETTINGS).diarize(audio, table, recording(speakers=1))
    rows = found.spans.select("start_ms", "end_ms", "speaker", "regular", "exclusive").rows()
    assert rows == [(0, 900, "speaker 1", True, True), (2000, 2900, "speaker 1", True, True)]
    assert found.margin is None


def test_no_speech_is_nobody() -> None:
    audio = Audio([np.zeros(16_000, np.float32)])
    found = SegmentationDiarizer(SETTINGS).diarize(audio, ACTIVITY.empty(), recording())
    assert found.spans.is_empty()


def test_needs_audio() -> None:
    with pytest.raises(EngineError, match="imported"):
        SegmentationDiarizer(SETTINGS).diarize(None, ACTIVITY.empty(), recording())
