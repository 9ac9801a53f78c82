"""The bytes that processes share: record schema, regions, rings, counters, clock. No trading logic."""
