"""The demo: real history on a virtual clock, through a real broker and a real worker, in one command."""
