"""`python -m orchwipy_lint` is the command `orchwipy`."""

import sys

from orchwipy_lint.cli import main

if __name__ == "__main__":
    sys.exit(main())
