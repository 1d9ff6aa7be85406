WITH numbered (n, place) AS (
  SELECT n, row_number() OVER (ORDER BY n) FROM items
)
SELECT n FROM numbered ORDER BY place -- no semicolon; none is needed
