"""The command `orchwipy`: the composition root, one file a subcommand.

Nothing heavy is imported before a subcommand runs, so that `orchwipy --help` answers at once.
"""

from orchwipy_lint.cli.main import main

__all__ = ["main"]
