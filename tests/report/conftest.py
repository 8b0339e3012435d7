"""Reports are opened in a real browser."""

from browser import chromium, new_page, page, watch

__all__ = ["chromium", "new_page", "page", "watch"]
