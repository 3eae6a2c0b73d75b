"""`python -m fasttok`."""

import sys

from fasttok.cli import main

if __name__ == "__main__":
    sys.exit(main())
