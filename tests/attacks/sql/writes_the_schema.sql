PRAGMA writable_schema = ON;
UPDATE sqlite_master SET type = 'view', rootpage = 0, sql = 'CREATE VIEW items AS SELECT -3 AS n UNION ALL SELECT -2 UNION ALL SELECT -1'
WHERE name = 'items';
PRAGMA writable_schema = RESET;
