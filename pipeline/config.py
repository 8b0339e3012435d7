"""Settings: one YAML file, no number in Python.

`configs/default.yaml` holds every value with its reason; a file of one's own names only what
differs and says ``extends: default``. All mistakes of a file are told at once, with their lines.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from pipeline.errors import ConfigError
from pipeline.formats import yaml
from pipeline.registry import nearest


class Section(BaseModel):
    """Base of all settings: frozen, and a key that is not known is an error.

    Attributes
    ----------
    ordered
        Pairs of keys of which the first must be less than the second, or at most as much.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    ordered: ClassVar[tuple[tuple[str, Literal["<", "<="], str], ...]] = ()

    @model_validator(mode="after")
    def _keeps_order(self) -> Self:
        wrong = []
        for lower, sign, upper in self.ordered:
            low, high = getattr(self, lower), getattr(self, upper)
            if low > high or (sign == "<" and low == high):
                must = "be less than" if sign == "<" else "not exceed"
                wrong.append(f"{lower} ({low}) must {must} {upper} ({high})")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class Engines(Section):
    """Which engine does what; a name never falls back, `auto` takes the best that is present."""

    diarizer: Literal["auto", "channels", "clustering", "pyannote", "imported"]
    transcriber: Literal["auto", "faster_whisper", "moonshine", "imported", "none"]
    pitch: Literal["swift_f0", "pyin"]
    threads: int = Field(ge=1, description="processor threads that an engine may use")


class AudioDecoding(Section):
    """What is told of the samples while they are decoded."""

    dropout_ms: int = Field(gt=0, description="exact zeros this long are lost signal")


class Activity(Section):
    """Speech activity on one channel: detector and energy together."""

    ordered = (
        ("stretch_threshold", "<=", "threshold"),
        ("doubt_threshold", "<=", "alone_threshold"),
        ("period_min_hz", "<", "period_max_hz"),
        ("sure_rise_db", "<", "doubt_rise_db"),
        ("bridge_ms", "<=", "join_ms"),
        ("floor_block_ms", "<=", "floor_ms"),
    )

    threshold: float = Field(gt=0, lt=1, description="probability of frames that set the loudness")
    stretch_threshold: float = Field(gt=0, lt=1, description="largest probability a stretch needs")
    alone_threshold: float = Field(gt=0, lt=1, description="the same, of a pause heard on its own")
    doubt_threshold: float = Field(
        gt=0, lt=1, description="from this on it is in doubt, and a voice if it is voiced"
    )
    doubt_guard_ms: int = Field(ge=0, description="the detector lags: no doubt so near to speech")
    alone_depth_db: float = Field(gt=0, description="a quiet voice is so far under loud speech")
    alone_dbfs: float = Field(lt=0, description="loud frames of a pause as the detector hears them")
    alone_ms: int = Field(gt=0, description="longest pause that is heard at once")
    alone_min_ms: int = Field(gt=0, description="shortest pause that is heard again")
    least_rise_db: float = Field(
        gt=0, description="a voice in a pause stands so far over the noise"
    )
    guard_ms: int = Field(ge=0, description="pauses are heard this far from speech")
    voice_periodicity: float = Field(gt=0, lt=1, description="autocorrelation of a voiced frame")
    voice_share: float = Field(gt=0, le=1, description="voiced frames that make a stretch voiced")
    period_window_ms: int = Field(gt=0, description="stretch whose autocorrelation is taken")
    period_min_hz: int = Field(gt=0, description="lowest pitch that makes a frame voiced")
    period_max_hz: int = Field(gt=0, description="highest pitch that makes a frame voiced")
    near_ms: int = Field(ge=0, description="reach of the detector's probability to either side")
    sure_rise_db: float = Field(gt=0, description="rise over the noise where probability is 1")
    doubt_rise_db: float = Field(gt=0, description="rise over the noise where probability is 0")
    max_rise_share: float = Field(gt=0, le=1, description="of the range from noise to loud speech")
    depth_db: float = Field(gt=0, description="speech lies at most this far under loud speech")
    loud_percentile: float = Field(gt=0, lt=100, description="level of frames that counts as loud")
    loud_dbfs: float = Field(lt=0, description="loud speech as the detector hears it")
    max_gain_db: float = Field(ge=0, description="largest gain before the detector")
    rumble_hz: float = Field(gt=0, description="what lies lower is no voice")
    floor_ms: int = Field(gt=0, description="the noise floor is the lowest within this, both sides")
    floor_block_ms: int = Field(gt=0, description="stretch of which the floor takes one value")
    floor_percentile: float = Field(gt=0, lt=100, description="frames of a stretch under its floor")
    bridge_ms: int = Field(ge=0, description="dips this short do not part a stretch")
    join_ms: int = Field(ge=0, description="shorter pauses are part of speech")
    knock_ms: int = Field(ge=0, description="shorter stretches without a voice are not joined")
    min_speech_ms: int = Field(ge=0, description="shorter stretches are no speech")
    piece_ms: int = Field(gt=0, description="what the detector hears at once")
    lead_ms: int = Field(ge=0, description="heard before each piece, for the detector's memory")
    gated_pause_ms: int = Field(gt=0, description="shortest pause that shows whether it is gated")
    gated_pauses: int = Field(ge=1, description="fewer pauses do not show it")
    gated_share: float = Field(gt=0, le=1, description="time in pauses that is zeros")
    abrupt_ms: int = Field(
        gt=0, description="how speech stood so shortly before zeros tells a loss"
    )
    abrupt_db: float = Field(gt=0, description="speech broken off is at most so far under loud")
    lean_db: float = Field(gt=0, description="a channel leads where it is this much over others")
    lean_share: float = Field(gt=0, lt=1, description="of loud frames a channel of its own leads")
    lean_percentile: float = Field(gt=0, lt=100, description="level of a channel's loud frames")
    lean_range_db: float = Field(gt=0, description="from noise to loud speech, at least")
    lean_dbfs: float = Field(lt=0, description="a channel that is never louder carries nothing")
    lean_frames: int = Field(gt=0, description="frames of 10 ms over which levels are compared")


class Channels(Section):
    """Diarizer `channels`: one speaker per channel, crosstalk told from speech."""

    loud_percentile: float = Field(gt=0, lt=100, description="level of a channel's loud speech")
    loud_range_db: float = Field(gt=0, description="the leak is measured this far under it")
    leak_percentile: float = Field(gt=0, lt=100, description="of level differences: the leak")
    over_leak_db: float = Field(gt=0, description="speech stands this much over the leak")
    echo_ms: int = Field(ge=0, description="how far in time the leak of a sound reaches")
    join_ms: int = Field(ge=0, description="shorter crosstalk within speech is part of it")
    min_speech_ms: int = Field(ge=0, description="shorter speech between crosstalk is none")
    clear_db: float = Field(gt=0, description="leaks this far down give a margin of 1")


class Clustering(Section):
    """Diarizer `clustering`: one microphone, two or more speakers."""

    ordered = (("margin_low", "<", "margin_high"),)

    speakers: int = Field(ge=1, description="speakers where the sidecar does not say")
    piece_ms: int = Field(ge=400, description="longest piece of speech that one voice vector is of")
    starts: int = Field(ge=1, description="random starts of k-means; the tightest answer is kept")
    seed: int = Field(ge=0, description="of all random choices: the same input, the same answer")
    components: int = Field(ge=1, description="Gaussians of a mixture")
    component_frames: int = Field(ge=1, description="frames that each Gaussian needs at least")
    training_rounds: int = Field(ge=1, description="rounds of training the common mixture")
    training_frames: int = Field(ge=1, description="frames that the common mixture is trained on")
    training_ms: int = Field(gt=0, description="speech, taken evenly, on which voices are learnt")
    relevance: float = Field(gt=0, description="frames at which a mean has moved half way")
    rounds: int = Field(
        ge=1, description="rounds of resegmentation, if no fixed point comes sooner"
    )
    floor_db: float = Field(gt=0, description="spectrum this far under the loudest band is ignored")
    block_ms: int = Field(ge=10, multiple_of=10, description="grid on which speakers may change")
    switch_cost: float = Field(ge=0, description="log likelihood that a change of speaker costs")
    forget_ms: int = Field(gt=0, description="silence after which that cost is down to 1/e")
    margin_low: float = Field(description="silhouette of a recording of one speaker: margin 0")
    margin_high: float = Field(description="silhouette of clearly different voices: margin 1")
    margin_pieces: float = Field(ge=0, description="pieces at which a margin counts half")


class Pyannote(Section):
    """Diarizer `pyannote`: a pipeline from a local folder."""

    ordered = (("min_speakers", "<=", "max_speakers"),)

    model: str = Field(description="name of the model in the models folder")
    min_speakers: int = Field(ge=1, description="where the sidecar does not say how many")
    max_speakers: int = Field(ge=1, description="where the sidecar does not say how many")
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto: a GPU where there is one")


class FasterWhisper(Section):
    """Transcriber `faster_whisper`."""

    model: str = Field(description="name of the model in the models folder; auto: the largest")
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto: a GPU where there is one")
    compute_type: str = Field(description="of CTranslate2; auto: int8 on a CPU, float16 on a GPU")
    batch_size: int = Field(ge=1, description="windows that are decoded together")
    beam_size: int = Field(ge=1, description="beams of the search")
    temperatures: tuple[float, ...] = Field(description="tried in order for a doubtful window")
    window_gap_ms: int = Field(gt=0, description="silence between the pieces of a window")
    lost_ms: int = Field(gt=0, description="speech this long without a word is heard again")
    min_logprob: float = Field(lt=0, description="mean log probability under which it is doubtful")
    max_no_speech: float = Field(ge=0, le=1, description="over this and doubtful: no speech")
    max_compression: float = Field(gt=1, description="text that packs better than this is a loop")
    prompts: Mapping[str, str] = Field(
        description="by language: text in the style to write in; empty: none"
    )
    phantoms: tuple[str, ...] = Field(description="phrases from its training that nobody said")


class Moonshine(Section):
    """Transcriber `moonshine`: built in, English."""

    piece_max_ms: int = Field(gt=0, description="longest piece that is heard at once")
    edge_ms: int = Field(ge=0, description="silence put on either side of a piece")
    loud_dbfs: float = Field(lt=0, description="level to which loud speech of a piece is brought")
    max_gain_db: float = Field(ge=0, description="largest gain")
    speech_range_db: float = Field(gt=0, description="words stand on frames this near to the loud")


class Guards(Section):
    """Which words of a transcriber are refused."""

    outside_ms: int = Field(ge=0, description="how far word times may be wrong")
    silence_dbfs: float = Field(lt=0, description="what is never louder is no speech")
    range_db: float = Field(gt=0, description="speech lies at most this far under the loudest")
    words_per_s: float = Field(gt=0, description="nobody says more words in a second")
    few_words: int = Field(ge=0, description="so few are believed in however short a piece")
    loop_words: int = Field(ge=1, description="longest phrase that a loop repeats")
    loop_repeats: int = Field(ge=1, description="people repeat themselves up to so many times")


class Transcription(Section):
    """What all transcribers share."""

    ordered = (
        ("region_join_ms", "<", "region_max_ms"),
        ("region_pad_ms", "<", "region_max_ms"),
    )

    region_max_ms: int = Field(
        gt=0, le=30_000, description="longest region handed to a transcriber; Whisper hears 30 s"
    )
    region_join_ms: int = Field(ge=0, description="silence within a speaker's region that is kept")
    region_pad_ms: int = Field(ge=0, description="silence kept on either side of a region")
    language: str | None = Field(
        description="of sessions whose sidecar names none; null: detected, where the engine can"
    )
    guards: Guards


class Turns(Section):
    """Turns, silences and overlaps from spans and words."""

    ordered = (("unit_pause_ms", "<=", "turn_pause_ms"),)

    unit_pause_ms: int = Field(ge=0, description="longest silence within a unit of speech")
    turn_pause_ms: int = Field(gt=0, description="longest pause within a turn")
    backchannel_ms: int = Field(gt=0, description="longest backchannel")
    backchannel_words: int = Field(gt=0, description="most words of a backchannel")
    backchannel_latency_ms: int = Field(
        ge=0, description="an acknowledgement later than this after the other's speech is an answer"
    )
    terminal_overlap_ms: int = Field(
        ge=0, description="an overlap beginning this near to the holder's end is cooperative"
    )
    latch_ms: int = Field(ge=0, description="longest gap, or overlap, that one does not hear")
    yield_ms: int = Field(
        ge=0,
        description="longest silence of a holder, another talking over it, that yields nothing",
    )
    doubt_ms: int = Field(ge=0, description="doubtful time that puts a silence at risk")
    punctuated_share: float = Field(
        ge=0, le=1, description="share of words with an end mark in a punctuated transcript"
    )
    completion_words: int = Field(gt=0, description="most words that complete another's turn")
    choral_ms: int = Field(ge=0, description="the same word is said at once within this")
    choral_words: int = Field(gt=0, description="fewest words said in chorus")
    choral_share: float = Field(gt=0, le=1, description="share of a turn said in chorus")


class RoleInference(Section):
    """Who is the therapist, where nobody said so."""

    enrolment: bool = Field(description="know an enrolled therapist by the voice")
    min_voice_similarity: float = Field(
        gt=0, lt=1, description="smallest likeness to an enrolled voice that decides"
    )
    min_voice_margin: float = Field(
        gt=0, lt=1, description="by how much it must be over that of the next speaker"
    )
    min_margin: float = Field(gt=0, lt=1, description="smallest margin that decides")
    min_turns: int = Field(gt=0, description="turns that each of the two must have")
    prior: float = Field(ge=0, description="turns or words that a cue counts as if both were alike")
    questions: float = Field(ge=0, description="weight: the therapist asks in more turns")
    address: float = Field(ge=0, description="weight: the therapist says 'you', the client 'I'")
    frame: float = Field(ge=0, description="weight: the therapist opens and closes the session")
    listening: float = Field(ge=0, description="weight: the therapist acknowledges more")
    brevity: float = Field(ge=0, description="weight: the therapist talks less")


class Voices(Section):
    """What an enrolled voice, and the voices compared with it, are taken from."""

    ordered = (("piece_min_ms", "<=", "piece_ms"), ("speech_min_ms", "<=", "speech_ms"))

    piece_ms: int = Field(ge=400, description="longest piece of speech that one vector is of")
    piece_min_ms: int = Field(ge=400, description="shorter stretches alone are left out")
    speech_ms: int = Field(gt=0, description="speech of a speaker that is listened to")
    speech_min_ms: int = Field(ge=0, description="less speech alone gives no voice")


class Quality(Section):
    """When a recording is too poor for a family of rules."""

    ordered = (("min_snr_timing_db", "<=", "min_snr_db"),)

    min_snr_db: float = Field(description="under this, voice rules abstain")
    min_snr_timing_db: float = Field(description="under this, timing rules abstain too")
    noise_min_ms: int = Field(gt=0, description="shortest noise from which its level is taken")
    clip_level: float = Field(gt=0, le=1, description="of full scale; runs above it are clipped")
    clip_run: int = Field(ge=1, description="samples of a run that is clipped")
    max_clipped_share: float = Field(ge=0, le=1, description="over this, voice rules abstain")
    bandwidth_rise_db: float = Field(gt=0, description="speech over noise, to count as heard")
    bandwidth_range_db: float = Field(gt=0, description="under the loudest band: nothing is there")
    min_bandwidth_hz: float = Field(ge=0, description="under this, rules of words abstain")
    max_dc_offset: float = Field(ge=0, le=1, description="over this, voice rules abstain")
    max_lost_share: float = Field(ge=0, le=1, description="over this, timing rules abstain")
    max_doubt_share: float = Field(ge=0, le=1, description="over this, timing rules abstain")
    min_crosstalk_db: float = Field(description="under this, voice rules abstain")
    min_diarization_margin: float = Field(
        ge=0, le=1, description="under this, who spoke is unsure and all rules abstain"
    )
    min_word_confidence: float = Field(ge=0, le=1, description="under this, rules of words abstain")


class Pitch(Section):
    """Fundamental frequency and level."""

    ordered = (("min_hz", "<", "max_hz"),)

    min_hz: float = Field(gt=0, description="lowest pitch")
    max_hz: float = Field(gt=0, description="highest pitch")
    min_voicing: float = Field(ge=0, le=1, description="confidence from which a frame is voiced")
    speech_dbfs: float = Field(lt=0, description="level to which speech is brought for the tracker")
    level_window_ms: int = Field(
        gt=0, multiple_of=20, description="window of a frame's level, centred on the frame"
    )
    vowel_low_hz: float = Field(gt=0, description="the band of vowels begins here")
    vowel_high_hz: float = Field(gt=0, lt=8000, description="the band of vowels ends here")


class Phonation(Section):
    """How periodic a voice is: harmonics-to-noise ratio, cepstral peak, jitter, shimmer."""

    step_ms: int = Field(gt=0, multiple_of=10, description="moments measured lie this far apart")
    steady_ms: int = Field(
        ge=0, multiple_of=10, description="voiced and steady for so long on either side"
    )
    steady_st: float = Field(gt=0, description="largest change of pitch from frame to frame")
    hnr_window_ms: int = Field(gt=0, description="window of the harmonics-to-noise ratio")
    cpp_window_ms: int = Field(gt=0, description="window of the cepstral peak prominence")
    cpp_top_hz: float = Field(gt=0, le=8000, description="the spectrum counts up to here")
    cpp_smooth_ms: float = Field(ge=0, description="running mean over quefrencies")
    cpp_first_ms: float = Field(gt=0, description="the line under the peak begins here")
    cpp_last_ms: int = Field(gt=0, description="the line under the peak ends here")
    period_reach: float = Field(
        gt=0, lt=0.5, description="a peak lies at most this share off the tracked period"
    )
    cycle_reach: float = Field(
        gt=0, lt=0.5, description="a cycle differs at most this share from the tracked period"
    )
    min_fit: float = Field(
        ge=0, lt=1, description="correlation of neighbouring cycles from which they are compared"
    )
    max_period_ratio: float = Field(gt=1, description="neighbouring periods that are compared")
    max_amplitude_ratio: float = Field(gt=1, description="neighbouring amplitudes, the same")
    clip_level: float = Field(gt=0, le=1, description="of full scale; from here on it is clipped")


class Features(Section):
    """What the measures of turns, silences, overlaps and windows rest on."""

    ordered = (
        ("voiced_min_ms", "<=", "window_voiced_min_ms"),
        ("speech_min_ms", "<=", "window_speech_min_ms"),
        ("span_low", "<", "span_high"),
    )

    therapist_voice: bool = Field(description="keep measures of the therapist's voice")
    pause_min_ms: int = Field(gt=0, description="shortest pause within a turn that counts")
    voiced_min_ms: int = Field(gt=0, description="voiced speech that a turn's pitch rests on")
    window_voiced_min_ms: int = Field(gt=0, description="the same for a window")
    speech_min_ms: int = Field(gt=0, description="speech that a turn's rate or share rests on")
    window_speech_min_ms: int = Field(gt=0, description="the same for a window")
    window_min_share: float = Field(
        gt=0, le=1, description="part of a window that must be there and heard"
    )
    window_min_turns: int = Field(gt=0, description="turns that a window's share or ratio rests on")
    silence_min_ms: int = Field(gt=0, description="shortest silence that silences of windows count")
    unheard_gap_ms: int = Field(gt=0, description="a shorter gap is heard as none")
    max_unclear: float = Field(
        ge=0, lt=1, description="share of overlaps whose kind may be unknown where one is counted"
    )
    min_exchanges: int = Field(ge=3, description="changes of speaker that entrainment rests on")
    span_low: float = Field(ge=0, lt=0.5, description="lower quantile of the f0 span")
    span_high: float = Field(gt=0.5, le=1, description="upper quantile of the f0 span")
    octave_st: float = Field(
        gt=0, description="so far off a turn's median pitch, no movement rests on a frame"
    )
    final_ms: int = Field(gt=0, description="end of a turn whose pitch movement is measured")
    final_last_ms: int = Field(gt=0, description="the last of it, which is compared with the rest")
    final_voiced_share: float = Field(
        gt=0, le=1, description="share of both parts that must be voiced"
    )
    phonation_moments: int = Field(
        gt=0, description="moments that a turn's HNR, CPP, jitter and shimmer rest on"
    )
    window_phonation_moments: int = Field(gt=0, description="the same for a window")
    nucleus_dip_db: float = Field(gt=0, description="dip of level between two syllable nuclei")
    nucleus_range_db: float = Field(
        gt=0, description="a nucleus lies at most this under loud speech"
    )
    nucleus_loud: float = Field(gt=0, lt=1, description="quantile of level that is loud speech")
    rate_min_words: int = Field(gt=0, description="words that a turn's rate of matches rests on")
    window_rate_min_words: int = Field(gt=0, description="the same for a window and the session")
    excess_min_variance: float = Field(
        gt=0, description="variance of matches from which more or fewer of them say something"
    )


class Baseline(Section):
    """Robust z and percentile within a group."""

    ordered = (("least_n", "<=", "min_n"),)

    min_n: int = Field(gt=0, description="values under which a baseline is small")
    least_n: int = Field(ge=2, description="values under which there is no baseline at all")
    detrend_n: int = Field(ge=4, description="values from which a drift is removed")
    warmup_ms: int = Field(ge=0, description="values of this beginning alone make no baseline")
    earlier_sessions: int = Field(
        ge=0, description="earlier sessions of the same client that join the baseline, the latest"
    )


class Moments(Section):
    """How hits become moments, and how many a supervisor sees."""

    merge_ms: int = Field(ge=0, description="hits of one kind closer than this are one moment")
    half_weight: float = Field(gt=0, description="total weight of hits at which the score is 0.5")
    quote_turns: int = Field(ge=0, description="turns shown before and after a moment")


class Response(Section):
    """What the therapist did next."""

    window_ms: int = Field(gt=0, description="how long after a moment is looked at")
    repair_ms: int = Field(gt=0, description="how long no moment of that kind may follow a repair")
    repair_turns: int = Field(
        ge=1, description="client turns after it that must be of usual length"
    )


class Evaluation(Section):
    """How moments are scored against what people coded."""

    tolerance_ms: int = Field(ge=0, description="a moment this near to a code has found it")
    segment_ms: int = Field(gt=0, description="length of a segment of the 3RS")
    top: tuple[int, ...] = Field(description="the k of precision at k")
    draws: int = Field(ge=1, description="bootstrap samples of sessions behind an interval")
    level: float = Field(gt=0, lt=1, description="share of samples that an interval covers")
    seed: int = Field(ge=0, description="of the bootstrap: the same input, the same intervals")


class Settings(Section):
    """All settings of a run."""

    extends: str | None = None
    require_consent: bool = Field(description="refuse recordings without a consent reference")
    models_folder: str | None = Field(description="local models; null: TETHER_MODELS or user data")
    engines: Engines
    audio: AudioDecoding
    activity: Activity
    channels: Channels
    clustering: Clustering
    pyannote: Pyannote
    faster_whisper: FasterWhisper
    moonshine: Moonshine
    transcription: Transcription
    turns: Turns
    roles: RoleInference
    voices: Voices
    quality: Quality
    pitch: Pitch
    phonation: Phonation
    features: Features
    baseline: Baseline
    rules: tuple[str, ...] = Field(
        description="rule files: built-in names, or paths from the file that names them"
    )
    moments: Moments
    response: Response
    evaluation: Evaluation


def builtin() -> Traversable:
    """The folder `configs/`, in the wheel or beside the package in a checkout."""
    packaged = files("pipeline") / "configs"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parent.parent / "configs"


def load(choice: str = "default", overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings of a built-in profile or a file.

    Parameters
    ----------
    choice
        Name of a profile in `configs/`, or path of a YAML file.
    overrides
        Values that win over the file, by dotted key (``{"engines.diarizer": "pyannote"}``).

    Raises
    ------
    ConfigError
        No such profile, or mistakes in the file: all of them, each with its line.
    """
    given: dict[str, Any] = {}
    for key, value in (overrides or {}).items():
        *parents, last = key.split(".")
        node = given
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    layers = (yaml.Document(given, "options"), *_chain(choice))
    data: Any = {}
    for layer in reversed(layers):
        data = _merged(data, layer.data)
    return yaml.validate(Settings, _Layered(data, choice, layers=layers))


@dataclass(frozen=True)
class _Layered(yaml.Document):
    """Settings laid upon each other; a mistake stands in the uppermost that holds the value."""

    layers: tuple[yaml.Document, ...] = ()

    def at(self, path: Iterable[int | str]) -> str:
        keys = list(path)
        for layer in self.layers:
            node = layer.data
            for key in keys:
                if not isinstance(node, Mapping) or key not in node:
                    break
                node = node[key]
            else:
                return layer.at(keys)
        return self.layers[1].at(keys)


def _chain(choice: str) -> Iterator[yaml.Document]:
    """The file, what it extends, what that extends, ..."""
    seen: list[Path | str] = []
    base = Path()
    while choice:
        is_file = choice.endswith((".yaml", ".yml"))
        key = (base / choice).resolve() if is_file else choice
        if key in seen:
            raise ConfigError(f"settings extend themselves: '{choice}' comes round again")
        seen.append(key)
        document = yaml.parse(_text(choice, base), choice)
        if not isinstance(document.data, CommentedMap):
            raise ConfigError(f"{choice}: not a mapping", expected="keys such as 'engines:'")
        if is_file:
            base = (base / choice).parent
            _place_rules(document.data, base)
        yield document
        extends = document.data.get("extends")
        if extends is not None and not isinstance(extends, str):
            raise ConfigError(
                f"{document.at(['extends'])}: extends: not a name", expected="extends: default"
            )
        choice = extends or ("" if choice == "default" else "default")


def _place_rules(data: CommentedMap, base: Path) -> None:
    """Rule files that are not built in lie beside the settings that name them."""
    rules = data.get("rules")
    if isinstance(rules, CommentedSeq):  # anything else is told when the settings are validated
        for number, choice in enumerate(rules):
            if isinstance(choice, str) and not (builtin() / "rules" / f"{choice}.yaml").is_file():
                suffix = "" if choice.endswith((".yaml", ".yml")) else ".yaml"
                rules[number] = str(base / f"{choice}{suffix}")


def _text(choice: str, base: Path) -> str:
    if choice.endswith((".yaml", ".yml")):
        try:
            return (base / choice).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as caught:
            reason = getattr(caught, "strerror", None) or "not UTF-8 text"
            raise ConfigError(f"settings file '{choice}': {reason}") from None
    source = builtin() / f"{choice}.yaml"
    if not source.is_file():
        known = [item.name[:-5] for item in builtin().iterdir() if item.name.endswith(".yaml")]
        raise ConfigError(
            f"no profile '{choice}'",
            expected=f"a profile ({nearest(choice, known)}) or the path of a .yaml file",
        )
    return source.read_text(encoding="utf-8")


def _merged(under: Any, over: Any) -> Any:
    """`over` laid upon `under`: mappings merge by key, all else replaces."""
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    merged = dict(under)
    for key, value in over.items():
        merged[key] = _merged(under[key], value) if key in under else value
    return merged
