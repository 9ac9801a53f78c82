"""The deterministic engine: no clock, no I/O, no allocation after start. Input is the journal, output is rings."""
