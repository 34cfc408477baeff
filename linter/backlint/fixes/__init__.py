"""Edits of source text, and the text itself with its tree."""
