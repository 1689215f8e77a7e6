"""What happens without being asked: reactions to new facts, and work by the calendar."""
