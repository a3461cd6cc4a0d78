"""这里有什么: anyone asks of a place and a period whether it is claimed, and by which project."""
