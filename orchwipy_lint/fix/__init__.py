"""Findings → a text in which they are mended."""
