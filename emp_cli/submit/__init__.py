"""From the options of `emp submit` to stored jobs."""
