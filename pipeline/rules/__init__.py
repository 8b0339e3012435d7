"""Rules: what is looked for in a session's tables, and what is made of it.

::

    book = RuleBook.read(settings, features, lexicons)
    tables |= book.flag(tables, lexicons, settings)          # hits and moments
"""

from pipeline.rules.abstentions import Abstention
from pipeline.rules.book import READS, RuleBook
from pipeline.workspace.provenance import RuleEntry

__all__ = ["READS", "Abstention", "RuleBook", "RuleEntry"]
