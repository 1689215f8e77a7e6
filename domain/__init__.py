"""What a fund is and what may happen to it: pure decisions, folds and arithmetic."""
