-- The demo shop: people who buy, are reached by campaigns and give or withdraw
-- consent.  Run by demo/make_shop.c in the folder that receives the files, with
-- getvariable('people') set.  The same number of people gives the same rows on
-- every machine: chance comes from MD5, never from random().

-- Uniform on [0, 1), one number per (who, what).
CREATE MACRO chance(who, what) AS
    md5_number_lower(concat(what, ':', who)) / 18446744073709551616.0;

-- Roughly normal, by adding four uniforms.
CREATE MACRO bell(who, what) AS
    (chance(who, what || 'a') + chance(who, what || 'b') +
     chance(who, what || 'c') + chance(who, what || 'd') - 2) * sqrt(3);

-- One of a list, the first ones more often: weight 1/2, 1/4, ...
CREATE MACRO early(list, who, what) AS
    list[least(len(list), 1 + floor(-log2(1 - chance(who, what)))::BIGINT)];

CREATE MACRO any_of(list, who, what) AS
    list[1 + floor(chance(who, what) * len(list))::BIGINT];

CREATE TABLE customers AS
SELECT i AS customer_id,
       CASE WHEN c < 0.27 THEN 'DE' WHEN c < 0.47 THEN 'FR'
            WHEN c < 0.64 THEN 'GB' WHEN c < 0.76 THEN 'ES'
            WHEN c < 0.86 THEN 'IT' WHEN c < 0.92 THEN 'NL'
            WHEN c < 0.96 THEN 'PL' WHEN c < 0.985 THEN 'SE'
            WHEN c < 0.999 THEN 'PT' ELSE 'MT' END AS country,
       CASE WHEN a < 0.14 THEN '18-24' WHEN a < 0.37 THEN '25-34'
            WHEN a < 0.59 THEN '35-44' WHEN a < 0.77 THEN '45-54'
            WHEN a < 0.90 THEN '55-64' ELSE '65+' END AS age_band,
       DATE '2021-01-01' + floor(chance(i, 'joined') * 1095)::INTEGER AS joined
FROM (SELECT i, chance(i, 'country') AS c, chance(i, 'age') AS a
      FROM range(1, getvariable('people') + 1) r(i));

-- Most people order once or twice, a few very often: an exponential number.
CREATE TABLE orders AS
SELECT row_number() OVER (ORDER BY customer_id, n) AS order_id, customer_id,
       TIMESTAMP '2024-01-01' + to_seconds(floor(
           sqrt(chance(who, 'when')) * 366 * 86400)::BIGINT) AS ordered_at,
       early(['fashion', 'home', 'sport', 'books', 'garden'], who, 'kind')
           AS category,
       round(exp(3.4 + 0.8 * bell(who, 'amount')), 2) AS amount,
       country
FROM (SELECT customer_id, country, n, customer_id || '/' || n AS who
      FROM customers, range(1, 61) r(n)
      WHERE n <= floor(-ln(1 - chance(customer_id, 'orders')) * 2.6));

-- Campaigns reach people through channels; 'pilot' reached a dozen of them.
CREATE TABLE touches AS
SELECT customer_id, channel, campaign,
       TIMESTAMP '2024-01-01' + to_seconds(floor(
           chance(who, 'touch') * 366 * 86400)::BIGINT) AS touched_at,
       chance(who, 'clicked') < CASE channel WHEN 'email' THEN 0.12
           WHEN 'search' THEN 0.31 WHEN 'social' THEN 0.08
           WHEN 'display' THEN 0.02 ELSE 0.05 END AS clicked
FROM (SELECT customer_id, n, customer_id || '#' || n AS who,
             early(['email', 'search', 'social', 'display', 'post'],
                   customer_id || '#' || n, 'channel') AS channel,
             CASE WHEN customer_id % 9000 = 1 AND n = 1 THEN 'pilot'
                  ELSE any_of(['spring', 'summer', 'school', 'black_friday',
                               'winter'], customer_id || '#' || n, 'campaign')
             END AS campaign
      FROM customers, range(1, 13) r(n)
      WHERE n <= 1 + floor(chance(customer_id, 'touches') * 11));

CREATE TABLE conversions AS
SELECT customer_id, campaign, min(touched_at) + INTERVAL 2 DAY AS converted_at,
       round(exp(3 + 0.7 * bell(customer_id || campaign, 'worth')), 2) AS value
FROM touches
GROUP BY customer_id, campaign
HAVING chance(customer_id || campaign, 'converts') < 0.02 * count(*) + 0.03;

-- What people decided: granted when they joined, by some withdrawn later; and
-- a few objected to what needs no consent.
CREATE TABLE asked AS
FROM (VALUES ('measure_campaigns', 0.62), ('understand_audiences', 0.48),
             ('share_with_partners', 0.17)) p(purpose, share);

CREATE TABLE consents AS
SELECT customer_id AS subject, purpose AS purposes, 'granted' AS state,
       joined::TIMESTAMP AS at, 1 AS notice, 'sign-up' AS source
FROM customers, asked WHERE chance(customer_id, 'consent ' || purpose) < share
UNION ALL
SELECT customer_id, purpose, 'withdrawn', joined::TIMESTAMP + INTERVAL 200 DAY,
       0, 'account page'
FROM customers, asked
WHERE chance(customer_id, 'consent ' || purpose) < 0.06 * share
UNION ALL
SELECT customer_id, 'improve_products', 'objected',
       joined::TIMESTAMP + INTERVAL 90 DAY, 0, 'letter'
FROM customers WHERE chance(customer_id, 'objects') < 0.015;

COPY (FROM customers ORDER BY ALL) TO 'customers.parquet';
COPY (FROM orders ORDER BY ALL) TO 'orders.parquet';
COPY (FROM touches ORDER BY ALL) TO 'touches.parquet';
COPY (FROM conversions ORDER BY ALL) TO 'conversions.parquet';
COPY (FROM consents ORDER BY ALL) TO 'consents.parquet';
