"""Queries: what is asked of a database, walked back from the terms of a project."""

from backlint.link.queries.walk import Queries

__all__ = ["Queries"]
