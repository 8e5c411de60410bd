"""HTTP as the hub takes it: who may call, how much, how fast, and how errors are answered."""
