"""Settings of what is taken up: how large files may be, and when a recording is at rest."""

from pydantic import Field

from pipeline.config.section import Section


class Intake(Section):
    """What may be read: a night survives a wrong or hostile file, and one still being copied."""

    rest_s: float = Field(
        ge=0,
        le=3600,
        description="seconds for which a recording must not have changed; one that did is waited "
        "for so long, and fails if it is still being written",
    )
    sidecar_bytes: int = Field(gt=0, description="a sidecar or tether.yaml, at most")
    attachment_bytes: int = Field(
        gt=0, description="transcripts, or diarizations, of one session together, at most"
    )
