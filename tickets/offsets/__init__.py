"""Offsets and their certificates (articles 11, 12, 17)."""
