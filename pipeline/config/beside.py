"""Settings of what is read beside a recording."""

from pydantic import Field

from pipeline.config.section import Section


class Intake(Section):
    """How large files beside a recording may be: a night must survive a wrong or hostile one."""

    sidecar_bytes: int = Field(gt=0, description="a sidecar or tether.yaml, at most")
    attachment_bytes: int = Field(
        gt=0, description="transcripts, or diarizations, of one session together, at most"
    )
