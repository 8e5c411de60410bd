"""The `emp` command: thin, it parses, calls the core, and renders."""
