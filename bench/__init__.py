"""Benchmarks: ratios to a named peer or floor, run in the same minute on the same machine."""
