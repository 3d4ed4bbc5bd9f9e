"""Offline: replay a log through the engine without side effects."""
