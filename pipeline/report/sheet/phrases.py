"""Sentences that every form of a sheet shows."""

from pipeline.report.cards import Response
from pipeline.report.number_format import count
from pipeline.report.sheet.content import Opinion, Sheet

NEXT = "What the therapist did next"
WORDLESS = "no words"
LIMIT = (
    "Tether suggests moments; a supervisor decided. It does not assess risk, and it does not rate "
    "therapists, clients or sessions."
)


def counted(sheet: Sheet) -> str:
    """What the sheet holds, and what it leaves out."""
    held = count(len(sheet.moments), "moment") if sheet.moments else "No moment"
    by = f", decided by {' and '.join(sheet.reviewers)}" if sheet.reviewers else ""
    left = [
        f"{number} {name}"
        for number, name in ((sheet.rejected, "rejected"), (sheet.undecided, "not decided yet"))
        if number
    ]
    rest = f" Suggested moments that are not shown: {', '.join(left)}." if left else ""
    return f"{held} confirmed, added or unsure{by}.{rest}"


def responded(response: Response) -> str:
    """The therapist's response in a sentence, with its 3RS codes."""
    if response.state == "unknown" or not response.codes:
        return response.sentence
    codes = "; ".join(f"{code} {name}" for code, name in response.codes)
    return f"{response.sentence} {codes}."


def decision(opinion: Opinion) -> str:
    """A decision in a line, without its note."""
    parts = [f"{opinion.reviewer}: {opinion.decision}"]
    if opinion.code:
        parts.append(opinion.code)
    if opinion.salience:
        parts.append(f"salience {opinion.salience} of 5")
    return ", ".join(parts)
