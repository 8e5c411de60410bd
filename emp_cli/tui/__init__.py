"""The terminal dashboard: screens that draw what one feed reads of the queue."""
