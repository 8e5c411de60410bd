"""One job: a tab for each thing that is known of it."""
