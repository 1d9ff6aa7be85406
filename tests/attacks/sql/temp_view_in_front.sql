CREATE TEMP VIEW items AS SELECT -n AS n FROM main.items;
