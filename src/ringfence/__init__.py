"""Ringfence: an order management system for systematic trading firms.

Start with ``ringfence.strategy`` (write a strategy) or the command ``ringfence --help`` (run an instance).
"""

__version__ = "0.1.0"
