"""What things cost. Each module is a script: `python -m benchmarks.analysis`."""
