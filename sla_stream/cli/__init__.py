"""One file a command; each offers `add_arguments` and `run(args) -> int`."""
