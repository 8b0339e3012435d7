"""Who is the therapist: correction > session notes file > enrolled voice > inference > unknown.

The inference compares two speakers with words by five weighted cues, each a contrast from -1 to 1
that points to the therapist:

===========  ============================================================================
questions    asks in more turns
address      says *you* where the other says *I*
frame        opens and closes the session
listening    more often answers with acknowledgements only
brevity      talks less
===========  ============================================================================

The cues come from lexicon features in table `values`, so they work in every language that has these
lexicons. `prior` shrinks counts towards "no difference", so that a short excerpt says less than a
session. The margin is the weighted mean over *all* cues: a cue without data (a language without the
lexicon, a session without its beginning) adds nothing and makes the margin smaller. Below
`min_margin` nobody gets a role, and an unknown role never flags.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipeline import config
from pipeline.core.tables import OVERLAPS, ROLES, SILENCES, TURNS, VALUES, Metadata, Tables
from pipeline.core.vocabulary import PAIR, Role
from pipeline.formats.speaker_labels import role_of
from pipeline.formats.timed_text.cues import UNNAMED

CHANNEL_LABEL = "channel {number}"
"""Label of the speaker on a channel, by its 1-based number."""

_ASKS = ("is_question", "asking")
_FRAMES = ("opening_talk", "closing_talk")
FEATURES = (*_ASKS, *_FRAMES, "second_person", "first_person", "acknowledgement_only")
"""Features of turns that the inference uses."""

Enrolled = Mapping[str, tuple[Role, float]]
"""Role of each speaker whose voice is enrolled, and the margin of the match, 0-1."""


def assign(
    tables: Tables,
    metadata: Metadata,
    corrections: Mapping[str, str],
    settings: config.RoleInference,
    enrolled: Enrolled | None = None,
) -> dict[str, pl.DataFrame]:
    """Table `roles`, and `turns`, `silences`, `overlaps` with the roles filled in.

    Parameters
    ----------
    tables
        `spans`, `turns`, `silences`, `overlaps`, and `values` with the features in `FEATURES`
        (without them there is little to infer from).
    corrections
        Role of each speaker that a person corrected.
    enrolled
        Roles by enrolled voice; corrections and the session notes file take precedence.
    """
    # Words without speech also make turns, so their speakers may have no spans.
    speakers = sorted({*tables["spans"]["speaker"], *tables["turns"]["speaker"]})
    stated: dict[str, str] = {
        CHANNEL_LABEL.format(number=n): role for n, role in metadata.channels.items()
    }
    stated |= dict(metadata.roles)
    # A label may name its role (a transcript with roles as speakers).
    stated |= {name: role for name in speakers if name not in stated and (role := role_of(name))}
    rows = [_stated(speaker, corrections, stated) for speaker in speakers]
    # Lines that a transcript gives no speaker are not a person: only a correction gives them a
    # role.
    nobody = [row for row in rows if row["speaker"] == UNNAMED]
    rows = [row for row in rows if row["speaker"] != UNNAMED]
    _complete_pair(rows)
    rows = [_by_voice(row, enrolled or {}) for row in rows]
    _complete_pair(rows)
    if all(row["role"] == "unknown" for row in rows):
        rows = _inferred(tables, rows, settings)
    rows = sorted([*rows, *nobody], key=lambda row: str(row["speaker"]))
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
    speaker: str, corrections: Mapping[str, str], stated: Mapping[str, str]
) -> dict[str, object]:
    if speaker in corrections:
        role, source = corrections[speaker], "corrected"
    elif speaker in stated:
        role, source = stated[speaker], "sidecar"
    else:
        role, source = "unknown", "unknown"
    return {"speaker": speaker, "role": role, "source": source}


def _by_voice(row: dict[str, object], enrolled: Enrolled) -> dict[str, object]:
    """`row`, with the role of an enrolled voice if none was stated."""
    if row["role"] != "unknown" or row["source"] == "corrected" or row["speaker"] not in enrolled:
        return row
    role, margin = enrolled[str(row["speaker"])]
    because = "matches an enrolled voice"
    return row | {"role": role, "source": "enrolled", "margin": margin, "because": because}


def _complete_pair(rows: list[dict[str, object]]) -> None:
    """Give the second of two speakers the remaining role if the first one's is known.

    A correction of one also overrules a session notes file that gave the other the same role.
    """
    if len(rows) != 2:  # noqa: PLR2004  # a pair
        return
    for known, other in (rows, rows[::-1]):
        if known["role"] not in PAIR:
            continue
        overruled = (known["source"], other["source"]) == ("corrected", "sidecar")
        if other["role"] == "unknown" or (overruled and other["role"] == known["role"]):
            other["role"] = "client" if known["role"] == "therapist" else "therapist"
            other["source"] = known["source"]
            if known["source"] == "enrolled":
                other |= {
                    "margin": known["margin"],
                    "because": "the other voice matches an enrolled one",
                }
            return


@dataclass(frozen=True)
class _Talk:
    """Totals of one speaker's turns; None where the language has no lexicon for it."""

    turns: int
    talk_ms: float
    asking: int | None
    frame: int | None
    you: int | None
    i: int | None
    acknowledgements: int | None


@dataclass(frozen=True)
class _Cue:
    """One reason to think that the first of two is the therapist (the second, if negative).

    Attributes
    ----------
    value
        -1 to 1; None: no data.
    because
        In words, about the person it points to.
    """

    weight: float
    value: float | None
    because: str

    @property
    def points(self) -> float:
        """Its contribution to the score."""
        return self.weight * (self.value or 0.0)


def _inferred(
    tables: Tables, rows: list[dict[str, object]], settings: config.RoleInference
) -> list[dict[str, object]]:
    turns = tables["turns"]
    if len(rows) != 2 or turns["text"].null_count() == turns.height:  # noqa: PLR2004  # a pair
        return rows
    marked = _marked(turns, tables.get("values", VALUES.empty()))
    a, b = (_talk(marked.filter(pl.col("speaker") == row["speaker"])) for row in rows)
    if min(a.turns, b.turns) < settings.min_turns:
        return rows
    cues = _cues(a, b, settings)
    score = sum(cue.points for cue in cues) / sum(cue.weight for cue in cues)
    margin = abs(score)
    if margin < settings.min_margin:
        heard = sum(cue.weight for cue in cues if cue.value is not None)
        enough = heard >= sum(cue.weight for cue in cues) / 2
        because = "the cues do not agree" if enough else "there is too little to go by"
        return [{**row, "margin": margin, "because": because} for row in rows]
    therapist, client = (rows[0], rows[1]) if score > 0 else (rows[1], rows[0])
    because = ", ".join(cue.because for cue in cues if cue.points * score > 0)
    assigned: list[tuple[dict[str, object], Role, str]] = [
        (therapist, "therapist", because),
        (client, "client", f"the other {because}"),
    ]
    return [
        {**row, "role": role, "source": "inferred", "margin": margin, "because": why}
        for row, role, why in sorted(assigned, key=lambda item: str(item[0]["speaker"]))
    ]


def _cues(a: _Talk, b: _Talk, settings: config.RoleInference) -> list[_Cue]:
    prior = settings.prior
    return [
        _Cue(settings.questions, _more(a.asking, b.asking, prior), "asks in more turns"),
        _Cue(settings.address, _address(a, b, prior), "says 'you' where the other says 'I'"),
        _Cue(settings.frame, _more(a.frame, b.frame, prior), "opens or closes the session"),
        _Cue(
            settings.listening,
            _more(a.acknowledgements, b.acknowledgements, prior),
            "acknowledges more",
        ),
        _Cue(settings.brevity, _more(b.talk_ms, a.talk_ms, 0), "talks less"),
    ]


def _marked(turns: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """`turns` with a column for each of `FEATURES`, null where it was not measured."""
    for name in FEATURES:
        measured = values.filter(pl.col("item") == "turn", pl.col("feature") == name)
        turns = turns.join(
            measured.select(pl.col("item_id").alias("turn_id"), pl.col("value").alias(name)),
            on="turn_id",
            how="left",
        )
    return turns


def _talk(turns: pl.DataFrame) -> _Talk:
    real = turns.filter(~pl.col("is_backchannel").fill_null(value=False))
    return _Talk(
        turns=real.height,
        talk_ms=float((turns["end_ms"] - turns["start_ms"]).sum()),
        asking=_turns_with(real, *_ASKS),
        frame=_turns_with(real, *_FRAMES),
        you=_sum(real, "second_person"),
        i=_sum(real, "first_person"),
        acknowledgements=_turns_with(turns, "acknowledgement_only"),
    )


def _turns_with(turns: pl.DataFrame, *names: str) -> int | None:
    """Number of turns with any of these features; None if none was measured."""
    if all(turns[name].null_count() == turns.height for name in names):
        return None
    return turns.filter(pl.any_horizontal(pl.col(*names).fill_null(0) > 0)).height


def _sum(turns: pl.DataFrame, name: str) -> int | None:
    if turns[name].null_count() == turns.height:
        return None
    return int(turns[name].sum())


def _more(a: float | None, b: float | None, prior: float) -> float | None:
    """Contrast of `a` and `b`, -1 to 1, shrunk as if `prior` more had been counted of both."""
    if a is None or b is None or a + b == 0:
        return None
    return (a - b) / (a + b + prior)


def _address(a: _Talk, b: _Talk, prior: float) -> float | None:
    """How much more the first speaker says *you* rather than *I*, -1 to 1."""
    if a.you is None or a.i is None or b.you is None or b.i is None:
        return None
    if a.you + a.i + b.you + b.i == 0:
        return None
    first = (a.you + prior / 2) / (a.you + a.i + prior)
    return first - (b.you + prior / 2) / (b.you + b.i + prior)
