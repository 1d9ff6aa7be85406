.shell echo passed
.print 1
.exit 0
SELECT n FROM items ORDER BY n;
