"""Cases and their steps, the working-day clock, documents and public notices. Knows no subject."""
