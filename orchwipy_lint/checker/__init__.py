"""Inside mypy: what its types tell of a pipeline, and findings as its errors."""
