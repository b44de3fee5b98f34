"""The colours of drawings: those of Okabe and Ito, which the colour-blind tell apart, on light and dark.

Nothing is said by colour alone: where runs begin and end, what is missing and what is marked has a shape or a
line of its own as well.
"""

from __future__ import annotations

__all__ = ["BEGINS", "ENDS", "LINES", "MARKED", "MISSING", "PAPER", "STANDS", "TAKEN", "TEXT", "UNREACHED"]

BEGINS = "#009E73"
ENDS = "#0072B2"
MARKED = "#D55E00"
MISSING = "#CC79A7"
TAKEN = "#009E73"
"""What a run went through."""
STANDS = "#E69F00"
"""Where it is, waits or has paused; where it failed is marked."""
UNREACHED = "#999999"
LINES = "#757575"
"""Edges and what is written beside them: as far from white as from black."""
PAPER = "#FFFFFF"
"""What boxes are filled with where nothing else decides it."""
TEXT = "#1A1A1A"
"""What is written on that."""
