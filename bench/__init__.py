"""Benchmarks; each measures its peers in the same run and prints ratios."""
