"""Excel at the edge: a form written as an XLSForm for others, and anybody's XLSForm read back into text."""
