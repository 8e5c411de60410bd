"""Orders to jobs or workers, one or thousands: which ones, the question before, and what came of each."""
