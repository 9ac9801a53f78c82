"""A whole instance in one process on one virtual clock, with faults drawn from a seed (docs/simulation.md)."""
