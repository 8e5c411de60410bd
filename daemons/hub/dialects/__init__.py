"""What programs of older systems say and hear at the hub's sockets, and which of them gets which words."""
