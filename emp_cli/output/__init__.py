"""How the command speaks: data to stdout in one of five formats, narration to stderr, and nothing unclean to either."""
