"""Agreement of models and reviews with the truth: matches, scores, tables and pages."""
