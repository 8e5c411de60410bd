"""One file for each screen, and one for its style if it needs one."""
