"""Short rows written out in full: shared modules, quoted answers, confirmations; the outcome is XLSForm."""
