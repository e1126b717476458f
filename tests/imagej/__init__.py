"""Real ImageJ, in processes of its own."""
