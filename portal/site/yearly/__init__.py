"""The statistical report of a year, as PDF: sums of the register and of every department's acts."""
