ATTACH '/work/full.db' AS full;
CREATE TABLE full.held AS
WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT randomblob(100000) AS held FROM n;
