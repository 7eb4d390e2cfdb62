-- A few rows for clinic.yaml: nothing is asked of them here.
COPY (SELECT i AS patient_id, 'north' AS region, 'f' AS sex, 1950 + i % 50 AS birth_year,
    i % 2 = 0 AS smoker, DATE '2020-01-01' AS enrolled FROM range(getvariable('people')) t(i))
    TO 'patients.parquet';
COPY (SELECT i AS visit_id, i AS patient_id, TIMESTAMP '2023-02-01' AS visit_ts, 'gp' AS dept,
    1.0::DOUBLE AS cost, 0.5::DOUBLE AS score, 3 AS n_tests FROM range(getvariable('people')) t(i))
    TO 'visits.parquet';
COPY (SELECT 'gp' AS dept, 1 AS n) TO 'visits_by_dept.parquet';
COPY (SELECT i AS order_id, i AS patient_id, 1.0::DOUBLE AS amount, 'FR' AS country
    FROM range(getvariable('people')) t(i)) TO 'orders.parquet';
