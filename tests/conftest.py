"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# On a busy machine the same example takes 5 ms once and 300 ms the next time.
settings.register_profile("backlint", deadline=None, print_blob=True)
settings.load_profile("backlint")
