"""Peers of the engine, one process each: FIX sessions, the simulated venue, the quote feed, the strategy client."""
