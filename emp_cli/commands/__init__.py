"""One module a noun; a command imports no other command."""
