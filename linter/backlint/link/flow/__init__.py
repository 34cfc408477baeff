"""Follows values through the project: what they carry, and where they got it."""

from backlint.link.flow.answers import Origin
from backlint.link.flow.query import Flow

__all__ = ["Flow", "Origin"]
