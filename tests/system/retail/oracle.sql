-- The same questions without noise, in textbook SQL of their own: distinct
-- people, rows clamped one by one, no bound on groups (nobody reaches it).
-- Written beside what clamping and missing customers lose.
CREATE VIEW l AS
    SELECT *, quantity * unit_price AS raw,
           CASE WHEN quantity * unit_price < 0 THEN 0
                WHEN quantity * unit_price > 100 THEN 100
                ELSE quantity * unit_price END AS spent
    FROM read_parquet('@DATA@');
COPY (SELECT strftime(date_trunc('month', invoice_date), '%Y-%m-%d') AS m,
             count(DISTINCT customer_id) AS n
      FROM l WHERE customer_id IS NOT NULL GROUP BY 1 ORDER BY 1)
    TO 'months.csv' (HEADER false);
COPY (SELECT country, sum(spent) FROM l
      WHERE customer_id IS NOT NULL
        AND country IN ('EIRE', 'France', 'Germany', 'Netherlands',
                        'United Kingdom')
      GROUP BY 1 ORDER BY 1) TO 'revenue.csv' (HEADER false);
COPY (SELECT 'mean', avg(spent) FROM l WHERE customer_id IS NOT NULL)
    TO 'mean.csv' (HEADER false);
COPY (SELECT 'lines without a customer',
             round(100.0 * count(*) FILTER (WHERE customer_id IS NULL) /
                   count(*), 1), '% of lines' FROM l
      UNION ALL
      SELECT 'revenue cut by clamping lines to 0..100',
             round(100.0 * (1 - sum(spent) / sum(raw)), 1), '% of revenue'
      FROM l WHERE customer_id IS NOT NULL
      UNION ALL
      SELECT 'lines cut by 100 a person and month',
             round(100.0 * (1 - sum(least(n, 100)) / sum(n)), 1), '% of lines'
      FROM (SELECT count(*) AS n FROM l WHERE customer_id IS NOT NULL
            GROUP BY customer_id, date_trunc('month', invoice_date)))
    TO 'losses.csv' (HEADER false, DELIMITER ' ', QUOTE '');
