"""Issuances, tickets, blocks and the ledger of their kilograms."""
