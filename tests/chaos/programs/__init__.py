"""Workers with a fault built in, run as programs of their own. Nothing of this is in the package."""
