"""backlint: a review linter for Python backends."""
