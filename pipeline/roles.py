"""Who is the therapist: correction > sidecar > inference with a margin > unknown.

The inference looks at two speakers with words and weighs four cues, each a contrast between -1 and
1: who asks more questions, who acknowledges more while the other talks, who talks less, and who
says *you* where the other says *I*. The weighted mean is the margin; under `min_margin` nobody is
given a role. A cue of which there is nothing (no question marks, no English pronouns) counts as no
evidence and makes the margin smaller. An unknown role never flags.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipeline import config
from pipeline.tables import OVERLAPS, ROLES, SILENCES, TURNS, Metadata, Role, Tables

_YOU = frozenset(("you", "your", "yours", "you're", "you've", "you'd", "you'll"))
_I = frozenset(("i", "me", "my", "mine", "i'm", "i've", "i'd", "i'll"))
_QUESTION = re.compile("[?\uff1f\u061f]")
_WORD = re.compile(r"[\w']+")

CHANNEL_LABEL = "channel {number}"
"""Label of the speaker on a channel, by 1-based number."""


def assign(
    tables: Tables,
    metadata: Metadata,
    corrections: Mapping[str, str],
    settings: config.RoleInference,
) -> dict[str, pl.DataFrame]:
    """Table `roles`, and `turns`, `silences`, `overlaps` with the roles filled in.

    Parameters
    ----------
    tables
        `spans`, `turns`, `silences`, `overlaps`.
    corrections
        Role of a speaker as a person set it.
    """
    # Words without speech make turns too: their speakers may have no spans.
    speakers = sorted({*tables["spans"]["speaker"], *tables["turns"]["speaker"]})
    said: dict[str, str] = {
        CHANNEL_LABEL.format(number=n): role for n, role in metadata.channels.items()
    }
    said |= dict(metadata.roles)
    # A label that is a role's own name says the role (a transcript with roles as speakers).
    said |= {
        name: name for name in speakers if name in ("therapist", "client") and name not in said
    }
    rows = [_stated(speaker, corrections, said) for speaker in speakers]
    _complete_pair(rows)
    if all(row["role"] == "unknown" for row in rows):
        rows = _inferred(tables["turns"], rows, settings)
    roles = ROLES.frame(rows)
    known = {str(row["speaker"]): str(row["role"]) for row in rows}
    return {
        "roles": roles,
        "turns": TURNS.conform(_fill(tables["turns"], {"role": "speaker"}, known)),
        "silences": SILENCES.conform(
            _fill(
                tables["silences"],
                {"before_role": "before_speaker", "after_role": "after_speaker"},
                known,
            )
        ),
        "overlaps": OVERLAPS.conform(
            _fill(tables["overlaps"], {"holder_role": "holder", "other_role": "other"}, known)
        ),
    }


def _fill(
    frame: pl.DataFrame, columns: Mapping[str, str], known: Mapping[str, str]
) -> pl.DataFrame:
    """Role columns from speaker columns; a null speaker has a null role."""
    names = pl.DataFrame(
        {"speaker": list(known), "role": list(known.values())},
        schema={"speaker": pl.String, "role": pl.String},
    )
    for role, speaker in columns.items():
        frame = frame.drop(role).join(
            names.rename({"speaker": speaker, "role": role}),
            on=speaker,
            how="left",
            maintain_order="left",
        )
    return frame


def _stated(
    speaker: str, corrections: Mapping[str, str], said: Mapping[str, str]
) -> dict[str, object]:
    if speaker in corrections:
        role, source = corrections[speaker], "corrected"
    elif speaker in said:
        role, source = said[speaker], "sidecar"
    else:
        role, source = "unknown", "unknown"
    return {"speaker": speaker, "role": role, "source": source}


def _complete_pair(rows: list[dict[str, object]]) -> None:
    """Of two speakers, one of whom is known, the other is the other.

    A correction of one also overrules a sidecar that gave the other the very same role.
    """
    if len(rows) != 2:  # noqa: PLR2004  # a pair
        return
    for known, other in (rows, rows[::-1]):
        if known["role"] not in ("therapist", "client"):
            continue
        overruled = (known["source"], other["source"]) == ("corrected", "sidecar")
        if other["role"] == "unknown" or (overruled and other["role"] == known["role"]):
            other["role"] = "client" if known["role"] == "therapist" else "therapist"
            other["source"] = known["source"]
            return


@dataclass(frozen=True)
class _Talk:
    """What one speaker's turns add up to."""

    turns: int
    questions: float
    acknowledgements: float
    talk_ms: float
    you: float
    i: float


def _inferred(
    turns: pl.DataFrame, rows: list[dict[str, object]], settings: config.RoleInference
) -> list[dict[str, object]]:
    if len(rows) != 2 or turns["text"].null_count() == turns.height:  # noqa: PLR2004  # a pair
        return rows
    a, b = (_talk(turns.filter(pl.col("speaker") == row["speaker"])) for row in rows)
    if min(a.turns, b.turns) < settings.min_turns:
        return rows
    cues = (
        ("asks more questions", settings.questions, _contrast(a.questions, b.questions)),
        (
            "acknowledges more",
            settings.listening,
            _contrast(
                a.acknowledgements / max(b.talk_ms, 1), b.acknowledgements / max(a.talk_ms, 1)
            ),
        ),
        ("talks less", settings.brevity, _contrast(b.talk_ms, a.talk_ms)),
        (
            "says 'you' where the other says 'I'",
            settings.address,
            (_contrast(a.you, a.i) - _contrast(b.you, b.i)) / 2,
        ),
    )
    score = sum(weight * value for _, weight, value in cues) / sum(w for _, w, _ in cues)
    margin = abs(score)
    if margin < settings.min_margin:
        return [{**row, "margin": margin, "because": "the cues do not agree"} for row in rows]
    therapist, client = (rows[0], rows[1]) if score > 0 else (rows[1], rows[0])
    agreeing = [name for name, weight, value in cues if weight * value * score > 0]
    because = ", ".join(agreeing)
    found: list[tuple[dict[str, object], Role, str]] = [
        (therapist, "therapist", because),
        (client, "client", f"the other {because}"),
    ]
    return [
        {**row, "role": role, "source": "inferred", "margin": margin, "because": why}
        for row, role, why in sorted(found, key=lambda item: str(item[0]["speaker"]))
    ]


def _talk(turns: pl.DataFrame) -> _Talk:
    real = turns.filter(~pl.col("is_backchannel").fill_null(value=False))
    texts = real["text"].drop_nulls().to_list()
    tokens = [
        token.lower() for text in texts for token in _WORD.findall(text.replace("\u2019", "'"))
    ]
    return _Talk(
        turns=real.height,
        questions=sum(bool(_QUESTION.search(text)) for text in texts) / max(len(texts), 1),
        acknowledgements=turns.height - real.height,
        talk_ms=float((turns["end_ms"] - turns["start_ms"]).sum()),
        you=sum(token in _YOU for token in tokens),
        i=sum(token in _I for token in tokens),
    )


def _contrast(a: float, b: float) -> float:
    """(a - b) / (a + b), -1 to 1; 0 where both are 0."""
    return (a - b) / (a + b) if a + b else 0.0
