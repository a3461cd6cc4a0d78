"""The public map of tickets: facts, filters, sums, downloads, print and statistics."""
