"""The monitoring and accounting report: parameters, strata, equations (domain.md)."""
