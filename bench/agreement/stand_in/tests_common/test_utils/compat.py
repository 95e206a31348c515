from airflow.providers.standard.operators.empty import EmptyOperator as EmptyOperator
