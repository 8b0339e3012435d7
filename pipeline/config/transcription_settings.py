"""Settings of what makes words of speech."""

from pydantic import Field, field_validator

from pipeline.config.section import Section
from pipeline.core.languages import understood


class Guards(Section):
    """Which words of a transcriber are refused."""

    outside_ms: int = Field(ge=0, description="how far word times may be wrong")
    silence_dbfs: float = Field(lt=0, description="what is never louder is no speech")
    range_db: float = Field(gt=0, description="speech lies at most this far under the loudest")
    words_per_s: float = Field(gt=0, description="more words in a second are not spoken")
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
        description="if the session notes name none; null: detected, where the engine can"
    )
    guards: Guards

    _language = field_validator("language", mode="before")(understood)
