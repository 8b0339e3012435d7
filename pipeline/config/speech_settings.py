"""Settings of turns, of who is the therapist, and of when a recording is too poor."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.config.section import Section


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
    latch_ms: int = Field(gt=0, description="longest gap, or overlap, that one does not hear")
    yield_ms: int = Field(
        ge=0,
        description="longest silence of a holder, another talking over it, that yields nothing",
    )
    doubt_ms: int = Field(ge=0, description="doubtful time that puts a silence at risk")
    punctuated_share: float = Field(
        ge=0, le=1, description="share of words with an end mark in a punctuated transcript"
    )
    completion_words: int = Field(gt=0, description="most words that complete another's turn")
    completion_repeats: int = Field(
        gt=0, description="last words of a completion that the holder repeats to accept it"
    )
    choral_ms: int = Field(ge=0, description="the same word is said at once within this")
    choral_words: int = Field(gt=0, description="fewest words said in chorus")
    choral_share: float = Field(gt=0, le=1, description="share of a turn said in chorus")


class RoleInference(Section):
    """Inference of who is the therapist, where no person has set it."""

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

    @model_validator(mode="after")
    def _weighs(self) -> Self:
        if not self.questions + self.address + self.frame + self.listening + self.brevity:
            msg = "one of questions, address, frame, listening and brevity must weigh something"
            raise ValueError(msg)
        return self


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
