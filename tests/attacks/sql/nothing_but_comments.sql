-- SELECT n FROM items ORDER BY n;
/* passed */
