"""The hub: REST, artifacts and the queue's chores."""
