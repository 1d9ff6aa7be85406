ATTACH '/opt/lanebench/sql_calls.pyc' AS driver;
CREATE TABLE driver.items (n);
SELECT n FROM items ORDER BY n;
