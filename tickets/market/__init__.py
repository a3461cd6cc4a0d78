"""Listings, bids, trades and retail (articles 11, 12, 15)."""
