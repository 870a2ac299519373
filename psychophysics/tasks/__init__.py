"""What a trial asks: which images it shows, where and when, and what a right answer is."""
