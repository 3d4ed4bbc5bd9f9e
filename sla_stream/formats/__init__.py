"""Bytes and files to core values and back: codecs, CloudEvents, policy files, settings, schemas."""
