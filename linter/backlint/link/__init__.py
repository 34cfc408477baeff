"""Joins the summaries of all files: resolves names, types, calls and effects, and decides findings."""
