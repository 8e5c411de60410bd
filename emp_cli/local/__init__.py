"""Programs on this machine that the command starts, finds and asks: hubs and the demo."""
