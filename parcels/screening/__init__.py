"""Thousands of candidates against the register in one go, in a job, with result files."""
