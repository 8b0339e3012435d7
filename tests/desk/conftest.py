"""The desk is served, over sessions processed once, to a real browser."""

from browser import chromium, new_page, page, watch
from desk_fixtures import desk, processed, workspace

__all__ = ["chromium", "desk", "new_page", "page", "processed", "watch", "workspace"]
