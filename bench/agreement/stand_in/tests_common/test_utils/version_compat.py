from airflow import __version__

AIRFLOW_V_3_0_PLUS = int(__version__.split(".")[0]) >= 3
