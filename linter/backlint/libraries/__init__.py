"""Library entries: what third-party code does, written as data."""
