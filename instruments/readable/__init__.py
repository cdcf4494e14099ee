"""What a form says, in words that people read who have no tablet: conditions, limits, what is quoted."""
