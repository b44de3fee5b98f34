"""Pipelines, drawn."""
