"""`python -m backlint`."""

import sys

from backlint.cli import main

if __name__ == "__main__":
    sys.exit(main())
