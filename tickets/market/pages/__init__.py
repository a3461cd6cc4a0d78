"""The market's pages: parse, gate, one operation, render."""
