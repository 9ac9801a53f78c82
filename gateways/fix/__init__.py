"""FIX 4.2: codec, session state machine, message store, gateway process."""
