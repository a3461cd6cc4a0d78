"""Complaints, inspections, disclosure and eco-justice (articles 14, 20, 21, 23)."""
