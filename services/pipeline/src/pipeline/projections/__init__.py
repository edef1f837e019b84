"""Read models: one file per question, with its project() and its queries."""
