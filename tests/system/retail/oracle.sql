-- The same questions under the same bounds without noise, in SQL of their own
-- (nobody reaches the bound on groups: 13 months, 2 countries).
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
CREATE VIEW people AS
    SELECT customer_id, country, sum(spent) AS spent FROM l
    WHERE customer_id IS NOT NULL GROUP BY 1, 2;
CREATE VIEW baskets AS
    SELECT customer_id, sum(spent) AS spent FROM l
    WHERE customer_id IS NOT NULL GROUP BY customer_id, invoice_no;
CREATE VIEW baskets_of AS
    SELECT customer_id, count(*) AS n, sum(least(spent, 500)) AS spent
    FROM baskets GROUP BY customer_id;
COPY (SELECT country, sum(least(spent, 2000)) FROM people
      WHERE country IN ('EIRE', 'France', 'Germany', 'Netherlands',
                        'United Kingdom')
      GROUP BY 1 ORDER BY 1) TO 'revenue.csv' (HEADER false);
COPY (SELECT sum(least(greatest(n - 50, 0), 800)) FROM
          (SELECT count(*) AS n FROM l WHERE customer_id IS NOT NULL AND
           country = 'United Kingdom' GROUP BY customer_id))
    TO 'cut.csv' (HEADER false);
COPY (SELECT 'mean', sum(spent * least(1, 20.0 / n)) / sum(least(n, 20))
      FROM baskets_of) TO 'basket.csv' (HEADER false);
COPY (SELECT 'lines without a customer',
             round(100.0 * count(*) FILTER (WHERE customer_id IS NULL) /
                   count(*), 1), '% of lines' FROM l
      UNION ALL
      SELECT 'revenue cut by clamping lines to 0..100',
             round(100.0 * (1 - sum(spent) / sum(raw)), 1), '% of revenue'
      FROM l WHERE customer_id IS NOT NULL
      UNION ALL
      SELECT 'revenue cut by 2,000 a person and country',
             round(100.0 * (1 - sum(least(spent, 2000)) / sum(spent)), 1),
             '% of what the first clamp left' FROM people
      UNION ALL
      SELECT 'baskets past the 20th of a person, which weigh less',
             round(100.0 * (1 - sum(least(n, 20)) / sum(n)), 1), '% of baskets'
      FROM baskets_of)
    TO 'losses.csv' (HEADER false, DELIMITER ' ', QUOTE '');
-- People who bought in each week, of four kinds: nothing is bounded away.
COPY (SELECT w, k, count(DISTINCT customer_id) FILTER (WHERE
             CASE k WHEN 1 THEN true WHEN 2 THEN country = 'United Kingdom'
             WHEN 3 THEN quantity >= 12 ELSE unit_price < 2 END)
      FROM range(53) r(w) CROSS JOIN (VALUES (1), (2), (3), (4)) q(k)
      JOIN l ON invoice_date >= TIMESTAMP '2010-12-01' + to_days(7 * w::INTEGER)
            AND invoice_date < TIMESTAMP '2010-12-08' + to_days(7 * w::INTEGER)
      WHERE customer_id IS NOT NULL GROUP BY w, k ORDER BY w, k)
    TO 'weeks.csv' (HEADER false);
