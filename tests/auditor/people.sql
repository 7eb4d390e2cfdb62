-- Forty people and, when the variable `people` is 41, the one who is audited:
-- who has as many rows in as many groups as bounds let count, of the largest
-- values.  Run by make_shop in the folder of a dataset.
ATTACH 'people.db' AS people;
CREATE TABLE people.visits AS (
    SELECT i::BIGINT AS person, ['bern', 'oslo', 'rome', 'ulm'][1 + i % 4] AS city,
           CASE WHEN i <= 30 THEN 'many' ELSE 'few' END AS tag,
           50 AS amount, 2::BIGINT AS n
    FROM range(1, 41) r(i)
    UNION ALL
    SELECT 41, city, tag, 100, 4
    FROM (VALUES ('rome', 'few'), ('rome', 'few'), ('oslo', 'solo'), ('oslo', 'solo')) v(city, tag)
    WHERE getvariable('people') >= 41
);
DETACH people;
