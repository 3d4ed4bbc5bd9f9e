"""Records that were set aside: dead letters and events that came too late. Looking at them, and sending them again."""
