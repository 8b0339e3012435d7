"""Rules: what to look for in a session's tables, and the hits and moments that follow.

::

    book = RuleBook.read(settings, features, lexicons)
    tables |= book.flag(tables, lexicons, settings)          # hits and moments
"""

from pipeline.rules.book import READS, RuleBook
from pipeline.rules.detection.abstentions import Abstention
from pipeline.workspace.provenance import RuleEntry

__all__ = ["READS", "Abstention", "RuleBook", "RuleEntry"]
