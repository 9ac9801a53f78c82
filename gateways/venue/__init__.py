"""A simulated venue: FIX acceptor and price-time matching. A test and demo counterparty, never part of the engine."""
