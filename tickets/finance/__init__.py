"""Pledges for loans, insurance, reserve purchase (articles 13, 18, 19)."""
