CREATE TEMP TABLE items AS SELECT -n AS n FROM main.items;
