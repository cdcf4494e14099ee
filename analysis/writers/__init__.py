"""Blocks to bytes: one module per format, one door per foreign library. Layout lives here, not words
or numbers."""
