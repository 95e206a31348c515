"""What Airflow, its operators, templates and dag-factory mean."""
