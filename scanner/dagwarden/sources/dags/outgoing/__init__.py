"""What the code and the commands of tasks send to Google Cloud."""
