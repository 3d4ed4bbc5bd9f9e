"""The Faust worker: carries the log into the engine and its outputs back, exactly once."""
