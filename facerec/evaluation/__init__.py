"""What a recogniser did on its exams, in tables and pictures."""
