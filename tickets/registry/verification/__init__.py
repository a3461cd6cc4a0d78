"""Checking the register against itself: every guarantee from the data, and from the entries alone."""
