"""Errors of strategies: what is wrong with a class, and what its code did."""

from __future__ import annotations


class StrategyError(Exception):
    """Base of what this package raises itself."""


class DeclarationError(StrategyError):
    """A class cannot be a strategy; the message names class, attribute and what is allowed."""


class StrategyFailed(StrategyError):
    """A method of the strategy raised, or cannot be compiled; the message names it, the error, file and line."""


class StrategyStuck(StrategyFailed):
    """A compiled callback does not return: the rings are still in its hands, so the process has to end."""


class ParameterRefused(StrategyError):
    """A parameter was set to what it cannot hold."""


class Overdue(BaseException):
    """Raised into a method of the class that went on after the stop, by a signal handler; no ``except Exception`` of the method keeps it."""
