"""Finds jobs by a filter, a page at a time."""

from emp_core.store.search.search import Page, Search

__all__ = ["Page", "Search"]
