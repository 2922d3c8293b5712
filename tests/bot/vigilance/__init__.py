"""What the bot watches over is noticed, told once, and kept."""
