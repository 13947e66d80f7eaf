"""What a recogniser did on photographs that it did not learn from, in tables and pictures."""
