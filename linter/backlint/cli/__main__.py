"""`python -m backlint.cli`."""

from __future__ import annotations

import sys

from backlint.cli import main

sys.exit(main())
