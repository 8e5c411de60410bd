"""The agent: claims jobs for its free slots, runs them, and reports."""
