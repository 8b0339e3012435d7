"""Settings of intake: how large files may be, and when a recording counts as complete."""

from pydantic import Field

from pipeline.config.section import Section


class Intake(Section):
    """Limits on input files, so that a batch survives wrong, hostile or incomplete files."""

    rest_s: float = Field(
        ge=0,
        le=3600,
        description="seconds for which a recording must not have changed; one that did is waited "
        "for so long, and fails if it is still being written",
    )
    sidecar_bytes: int = Field(gt=0, description="largest session notes file or tether.yaml")
    attachment_bytes: int = Field(
        gt=0, description="transcripts, or diarizations, of one session together, at most"
    )
