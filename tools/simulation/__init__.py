"""Deterministic simulation: the real engine, sessions and journal on a virtual clock, and an independent oracle that judges them."""
