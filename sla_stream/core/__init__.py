"""The pure engine: no clock, no I/O, no randomness. Log in, SLA events out."""
