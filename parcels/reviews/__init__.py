"""The natural-resources bench: one title's boundary, reviewed on the map (articles 3, 4, 24)."""
