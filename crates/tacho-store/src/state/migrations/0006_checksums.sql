-- From here on every table has a column `crc` and triggers that fill it. They are made from the
-- tables' columns (`state/checksums.rs`) whenever a database is opened for writing.
SELECT 1;
