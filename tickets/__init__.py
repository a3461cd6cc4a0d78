"""From application to cancellation, one package per stage."""
