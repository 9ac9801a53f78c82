# Looking at decisions from Python: nothing here is called by the engine, and nothing is shared with C.
