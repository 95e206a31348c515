"""What a real Airflow makes of the same files, where an operator asks for it."""
