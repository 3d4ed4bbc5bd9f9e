"""The chaos campaign: one recipe a fault in `faults/`, one oracle for all, short forms in `make test`."""
