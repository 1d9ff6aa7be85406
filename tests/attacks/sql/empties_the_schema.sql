PRAGMA writable_schema = ON;
DELETE FROM sqlite_master;
PRAGMA writable_schema = RESET;
VACUUM;
