"""Finds jobs by a filter, a page at a time."""

from emp_core.store.search.search import SEARCHED_AT_MOST, Page, Search

__all__ = ["SEARCHED_AT_MOST", "Page", "Search"]
