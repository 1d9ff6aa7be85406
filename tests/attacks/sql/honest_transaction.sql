PRAGMA foreign_keys = ON;
BEGIN IMMEDIATE;
SAVEPOINT before;
UPDATE items SET n = -n;
RELEASE before;
COMMIT;
