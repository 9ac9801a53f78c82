"""Strategies: one class, run in Python, compiled by numba, or in a backtest; and the runtime under it that C strategies use too."""
